//! `septet check`: the settings as they count.

use std::process::ExitCode;

use anyhow::Context;

use super::terminal;
use crate::config::Config;

/// Prints the effective settings as TOML or JSON, secrets masked. Settings that cannot work never come this far.
pub(crate) fn run(config: &Config, json: bool) -> anyhow::Result<ExitCode> {
    if json {
        terminal::line(&serde_json::to_string_pretty(config).context("the settings cannot be shown")?);
        return Ok(ExitCode::SUCCESS);
    }
    let text = toml::to_string_pretty(config).context("the settings cannot be shown")?;
    terminal::line(&text);
    terminal::line("# the settings are fine");
    Ok(ExitCode::SUCCESS)
}
