//! The warden as a program of its own, for the tests of this crate; the product starts its own binary instead.

fn main() -> std::process::ExitCode {
    septet_sandbox_runner::process::warden_main()
}
