//! What a person reads: plain lines on standard output, errors on standard error, colour only on a terminal.

use std::io::Write;
use std::process::ExitCode;

use console::style;

/// Prints a line. A reader that has gone away, such as `head`, is no error.
pub(crate) fn line(text: &str) {
    let _reader_gone = writeln!(std::io::stdout(), "{text}");
}

/// Prints a heading.
pub(crate) fn heading(text: &str) {
    line(&format!("\n{}", style(text).bold()));
}

/// Prints a piece of a line at once.
pub(crate) fn piece(text: &str) {
    let mut out = std::io::stdout();
    let _reader_gone = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

/// Prints an error with its causes, and gives the exit code for it.
pub(crate) fn fail(error: &anyhow::Error) -> ExitCode {
    let _reader_gone = writeln!(std::io::stderr(), "{} {error:#}", style("septet:").red().bold().for_stderr());
    ExitCode::FAILURE
}
