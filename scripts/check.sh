#!/usr/bin/env bash
# Everything that a change must pass: format, lints, licences, spelling, tests.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
. "$root/scripts/rust.sh"
cd "$root"

"$root/scripts/setup.sh" build
need_rust
say "format"
cargo fmt --all --check
say "lints of the console"
"$root/scripts/npm.sh" run lint
say "licences, sources, banned crates"
"$root/scripts/deny.sh"
if command -v typos >/dev/null; then
  say "spelling"
  typos
else
  say "spelling is not checked: typos is not installed (pip install typos)"
fi
say "lints (the first time takes about 10 minutes on two cores)"
cargo clippy --locked --workspace --all-targets -- -D warnings
"$root/scripts/test.sh"
say "everything is fine"
