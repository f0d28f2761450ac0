#!/usr/bin/env bash
# Installs the console's npm packages as the lock file says, when they are not those already.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
. "$root/scripts/node.sh"
cd "$root/web"
need_node
stamp=node_modules/.septet-packages
now=$(cat package.json package-lock.json | sha256sum | cut -d' ' -f1)
[ "$(cat "$stamp" 2>/dev/null)" = "$now" ] && exit 0
say "installing npm packages"
quietly npm ci --no-audit --no-fund || fail "npm could not install the packages (is the registry reachable?)"
printf '%s\n' "$now" >"$stamp"
