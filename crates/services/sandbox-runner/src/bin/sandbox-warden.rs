//! The warden and the agent as a program of its own, for the tests of this crate; the product starts its own binary
//! instead, with the same arguments.

use std::process::ExitCode;

fn main() -> ExitCode {
    let mut args = std::env::args().skip(1);
    match (args.next().as_deref(), args.next().as_deref()) {
        (Some("internal"), Some("sandbox-agent")) => septet_sandbox_runner::agent_main(args, None),
        _ => septet_sandbox_runner::process::warden_main(),
    }
}
