//! `septet`: the whole platform in one binary. See `septet help`.

use std::process::ExitCode;

// A call makes some hundred small allocations in many threads, for which the C library's own allocator takes about twice
// as long.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    septet::cli::main()
}
