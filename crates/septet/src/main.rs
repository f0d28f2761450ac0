//! `septet`: the whole platform in one binary. See `septet help`.

use std::process::ExitCode;

fn main() -> ExitCode {
    septet::cli::main()
}
