#!/usr/bin/env bash
# Checks the dependencies by deny.toml. Advisories are left out, for their database is fetched over the network from
# elsewhere than the registry: run `cargo deny check advisories` where that is reachable.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
. "$root/scripts/rust.sh"
cd "$root"
need_rust
need_cargo cargo-deny
cargo deny --log-level error check bans licenses sources
