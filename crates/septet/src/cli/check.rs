//! `septet check`: the settings as they count.

use std::process::ExitCode;

use anyhow::Context;

use super::terminal;
use crate::config::Config;

/// Prints the effective settings as TOML, secrets masked. Settings that cannot work never come this far.
pub(crate) fn run(config: &Config) -> anyhow::Result<ExitCode> {
    let text = toml::to_string_pretty(config).context("the settings cannot be shown")?;
    terminal::line(&text);
    terminal::line("# the settings are fine");
    Ok(ExitCode::SUCCESS)
}
