//! `septet completions`: what a shell needs to complete commands and options.

use std::io::Write;
use std::process::ExitCode;

use clap::Command;
use clap_complete::Shell;

/// Prints the completion script of a shell. A reader that has gone away is no error.
pub(crate) fn run(mut command: Command, shell: Shell) -> ExitCode {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command, "septet", &mut script);
    let _reader_gone = std::io::stdout().write_all(&script);
    ExitCode::SUCCESS
}
