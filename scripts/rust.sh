# shellcheck shell=bash disable=SC2154
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

# Runs `cargo build` with the given arguments. What it prints goes into a log; here a line tells how far it is: on a
# terminal always the same line, else one every half minute. A failure names the log and shows its end.
cargo_build() {
  local log pid status=0 n last told=0
  mkdir -p "$(target_folder)"
  log=$(target_folder)/build.log
  (cd "$root" && exec cargo build --locked --color never "$@") >"$log" 2>&1 &
  pid=$!
  # Ctrl-C reaches cargo by itself; a kill of this script must not leave it behind.
  trap 'kill "$pid" 2>/dev/null || true' TERM
  while kill -0 "$pid" 2>/dev/null; do
    sleep 1
    n=$(grep -c '^ *Compiling ' "$log" || true)
    [ "$n" -gt 0 ] || continue
    last=$(sed -n 's/^ *Compiling \([^ ]*\).*/\1/p' "$log" | tail -n 1)
    if [ -t 1 ]; then printf '\r\033[K[%4ss] compiling, %s packages so far: %s' "$(($(date +%s) - SEPTET_BEGAN))" "$n" "$last"
    elif [ "$(($(date +%s) - told))" -ge 30 ]; then told=$(date +%s) && say "compiling, $n packages so far: $last"; fi
  done
  wait "$pid" || status=$?
  trap - TERM
  if [ -t 1 ]; then printf '\r\033[K'; fi
  if [ $status != 0 ]; then
    tail -n 40 "$log" >&2
    fail "the build failed; everything that it printed is in $log"
  fi
}

# Builds the binary with profile $1 and puts its path into $septet.
build_septet() {
  need_rust
  septet=$(target_folder)/$(profile_folder "$1")/septet
  if [ -x "$septet" ]; then say "building septet (profile $1; only what changed)"
  else say "building septet (profile $1; the first time takes $(build_minutes "$1") minutes on two cores)"; fi
  cargo_build --profile "$1" -p septet --bin septet
}

# About how many minutes a first build takes on two cores.
build_minutes() { if [ "$1" = release ]; then printf 'about 12'; else printf 'about 6'; fi; }

# A program that cargo installs, once.
need_cargo() {
  command -v "$1" >/dev/null && return
  say "installing $1 (minutes on two cores, once)"
  quietly cargo install --locked "$1" || fail "could not install $1"
}
