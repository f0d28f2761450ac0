//! Builds the gateway anew when the console inside it has changed. The console itself is built by `make web`.

fn main() {
    println!("cargo::rerun-if-changed=../../../web/dist");
}
