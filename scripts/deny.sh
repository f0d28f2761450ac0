#!/usr/bin/env bash
# Checks the dependencies by deny.toml. Advisories are left out, for their database is fetched over the network from
# elsewhere than the registry: run `cargo deny check advisories` where that is reachable.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
. "$root/scripts/rust.sh"
cd "$root"
need_rust
if ! command -v cargo-deny >/dev/null; then
  say "installing cargo-deny (about 5 minutes on two cores, once)"
  quietly cargo install --locked cargo-deny || fail "could not install cargo-deny"
fi
cargo deny --log-level error check bans licenses sources
