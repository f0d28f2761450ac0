//! Builds the gateway anew when the console inside it has changed. The console itself is built by `make web`.

#![expect(clippy::print_stdout, reason = "that is how a build script talks to cargo")]

fn main() {
    println!("cargo::rerun-if-changed=../../../web/dist");
}
