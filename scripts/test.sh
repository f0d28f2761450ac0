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
# The sandbox's SQL and charts, and the PDF library, are those that were provisioned just now.
if asked_for SEPTET_TEST_POSTGRES && [ -z "${SEPTET_TEST_POSTGRES:-}" ]; then need_packages postgres && start_postgres; fi
if asked_for SEPTET_TEST_REDIS && [ -z "${SEPTET_TEST_REDIS:-}" ]; then need_packages redis && start_redis; fi

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

say "the console: building and testing"
"$root/scripts/console.sh"
"$root/scripts/npm.sh" test

# The official SDKs, unmodified, as clients of the scenarios.
if [ -f tests/sdk/requirements.txt ]; then
  say "the official Python SDK"
  sdk=$cache/sdk-python-$(sha256sum tests/sdk/requirements.txt | cut -c1-12)
  if [ ! -f "$sdk/.ready" ]; then
    rm -rf "$sdk"
    quietly /usr/bin/python3 -m pip install --disable-pip-version-check --no-input --root-user-action=ignore --target "$sdk" \
      -r tests/sdk/requirements.txt || fail "could not install the Python SDK"
    touch "$sdk/.ready"
  fi
  export SEPTET_TEST_PYTHON=/usr/bin/python3 SEPTET_TEST_PYTHONPATH=$sdk
fi
if [ -f tests/sdk/package.json ]; then
  need_node
  say "the official JavaScript SDK"
  (cd tests/sdk && quietly npm ci --no-audit --no-fund) || fail "could not install the JavaScript SDK"
  SEPTET_TEST_NODE=$(command -v node)
  export SEPTET_TEST_NODE
fi

say "the Rust tests (the first build takes about 10 minutes on two cores)"
build_septet dev
export SEPTET_TEST_BINARY=$septet
rust_tests --workspace

if [ -f web/e2e/flow.mjs ]; then
  say "the console in a real browser"
  need_packages browser
  "$root/scripts/npm.sh" run e2e
fi
say "all tests passed"
