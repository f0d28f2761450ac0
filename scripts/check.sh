#!/usr/bin/env bash
# Everything that a change must pass: the linters and the tests.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

"$root/scripts/setup.sh" build
"$root/scripts/lint.sh"
"$root/scripts/test.sh"
say "everything is fine"
