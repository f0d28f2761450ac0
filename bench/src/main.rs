//! Measures Septet and prints value, target and peer. `septet-bench <area>` appends to `bench/results/<area>.jsonl`.
//!
//! Figures are never asserted: machines are noisy, and a missed target is to be seen, not hidden.

mod platform;
mod report;

use std::process::ExitCode;

fn main() -> ExitCode {
    let area = std::env::args().nth(1).unwrap_or_default();
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&error.into()),
    };
    let measured = match area.as_str() {
        "platform" => runtime.block_on(platform::measure()),
        other => return fail(&anyhow::anyhow!("there is no area {other:?}; choose platform")),
    };
    match measured.and_then(|figures| report::publish(&area, &figures)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&error),
    }
}

#[expect(clippy::print_stderr, reason = "a command for people")]
fn fail(error: &anyhow::Error) -> ExitCode {
    eprintln!("bench: {error:#}");
    ExitCode::FAILURE
}
