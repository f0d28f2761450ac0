//! Measures Septet and prints value, target and peer. `septet-bench <area>` appends to `bench/results/<area>.jsonl`.
//!
//! Figures are never asserted: machines are noisy, and a missed target is to be seen, not hidden.

#![expect(
    clippy::disallowed_methods,
    reason = "a benchmark is its own process: there is nothing to shut down in order"
)]

mod models;
mod platform;
mod process;
mod report;
mod sandbox;

use std::path::PathBuf;
use std::process::ExitCode;

fn main() -> ExitCode {
    let area = std::env::args().nth(1).unwrap_or_default();
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&error.into()),
    };
    let measured = match area.as_str() {
        "models" => runtime.block_on(models::measure()),
        "platform" => runtime.block_on(platform::measure()),
        "sandbox" => runtime.block_on(sandbox::measure()),
        other => return fail(&anyhow::anyhow!("there is no area {other:?}; choose models, platform or sandbox")),
    };
    match measured.and_then(|figures| report::publish(&area, &figures)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&error),
    }
}

/// The release binary beside this one.
fn binary() -> anyhow::Result<PathBuf> {
    let me = std::env::current_exe()?;
    let path = me.with_file_name("septet");
    anyhow::ensure!(path.is_file(), "{} is not built; run: cargo build --release -p septet", path.display());
    Ok(path)
}

#[expect(clippy::print_stderr, reason = "a command for people")]
fn fail(error: &anyhow::Error) -> ExitCode {
    eprintln!("bench: {error:#}");
    ExitCode::FAILURE
}
