#!/usr/bin/env bash
# Runs every test: Rust, console, SDKs, browser. Installs what they need, starts the servers they use, stops them again.
#
#   scripts/test.sh [ARGUMENTS OF CARGO NEXTEST]    with arguments only the Rust tests run, such as:  -p septet-queue
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
. "$root/scripts/rust.sh"
. "$root/scripts/node.sh"
. "$root/scripts/servers.sh"
trap stop_servers EXIT
cd "$root"

# A server is started only when some test asks for it by its variable.
asked_for() { grep -rqs --include='*.rs' "$1" crates tests; }

"$root/scripts/setup.sh" build runtime
if asked_for SEPTET_TEST_POSTGRES && [ -z "${SEPTET_TEST_POSTGRES:-}" ]; then need_packages postgres && start_postgres; fi
if asked_for SEPTET_TEST_REDIS && [ -z "${SEPTET_TEST_REDIS:-}" ]; then need_packages redis && start_redis; fi

if asked_for SEPTET_TEST_DOCKER && [ -z "${SEPTET_TEST_DOCKER:-}" ]; then
  # Without root there is no way to start it, and no reason to stop for it.
  if [ "$(id -u)" = 0 ]; then need_packages docker; fi
  start_docker
fi

rust_tests() {
  if command -v cargo-nextest >/dev/null; then
    cargo nextest run --locked --no-fail-fast "$@"
  else
    say "cargo-nextest is not installed; using cargo test (slower: cargo install --locked cargo-nextest)"
    cargo test --locked --no-fail-fast "$@"
  fi
}

need_rust
if [ $# -gt 0 ]; then
  rust_tests "$@"
  exit
fi

# A part that fails does not keep the others from running; the end says which failed.
failed=()
part() {
  local name=$1
  shift
  say "$name"
  "$@" || failed+=("$name")
}

console_tests() { "$root/scripts/console.sh" && "$root/scripts/npm.sh" test; }

all_rust_tests() {
  # The official SDKs, unmodified, are clients in the scenarios.
  need_packages sdk && need_node && quietly tests/sdk/install.sh || return 1
  # And so is LiteLLM's proxy, in the place of the model gateway.
  "$root/scripts/setup.sh" litellm || return 1
  # Programs and tests at once: the scenarios run the binary, and one command builds every dependency once.
  (cargo_build --workspace --bins --tests) && rust_tests --workspace
}

part "the console: building and testing" console_tests
part "the Rust tests (the first build takes about 10 minutes on two cores)" all_rust_tests
built=$(target_folder)/debug/septet
if [ -x "$built" ]; then export SEPTET_BINARY=$built; fi
part "the console in a real browser" "$root/scripts/browser.sh"

[ ${#failed[@]} = 0 ] || fail "failed: $(printf '%s; ' "${failed[@]}")"
say "all tests passed"
