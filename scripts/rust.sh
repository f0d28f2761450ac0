# The Rust toolchain of rust-toolchain.toml. Sourced after lib.sh.

need_rust() {
  local wanted found
  wanted=$(sed -n 's/^channel *= *"\(.*\)"/\1/p' "$root/rust-toolchain.toml")
  if ! command -v cargo >/dev/null && [ -x "$HOME/.cargo/bin/cargo" ]; then PATH=$HOME/.cargo/bin:$PATH; fi
  if command -v rustup >/dev/null; then
    if ! rustup run "$wanted" rustc --version >/dev/null 2>&1; then
      say "installing Rust $wanted with rustup (about a minute)"
      quietly rustup toolchain install "$wanted" --profile minimal --component rustfmt --component clippy \
        || fail "rustup could not install Rust $wanted"
    fi
    return
  fi
  command -v cargo >/dev/null || fail "Rust is missing. Install rustup as https://rustup.rs says, then run this again:
  curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh -s -- -y --profile minimal"
  found=$(rustc --version | cut -d' ' -f2)
  at_least "$found" "$wanted" || fail "Rust $wanted or newer is needed, this is $found. Install rustup as https://rustup.rs says"
}

# Where cargo puts what it builds.
target_folder() { printf '%s' "${CARGO_TARGET_DIR:-$root/target}"; }

# The folder of a profile below the target folder: that of "dev" is called debug.
profile_folder() { if [ "$1" = dev ]; then printf debug; else printf '%s' "$1"; fi; }

# Builds the binary with profile $1 and puts its path into $septet.
build_septet() {
  need_rust
  septet=$(target_folder)/$(profile_folder "$1")/septet
  if [ -x "$septet" ]; then say "building septet (profile $1; only what changed)"
  else say "building septet (profile $1; the first time takes about 5 minutes on two cores)"; fi
  (cd "$root" && cargo build --locked --profile "$1" -p septet --bin septet)
}
