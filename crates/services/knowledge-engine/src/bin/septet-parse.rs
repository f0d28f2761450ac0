//! The reading child process on its own, for the tests of this crate; the `septet` binary offers the same as
//! `septet internal parse`.

fn main() -> std::process::ExitCode {
    septet_knowledge_engine::parse_main(std::env::args().skip(1))
}
