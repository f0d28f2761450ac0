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
if ! log=$(npm ci --no-audit --no-fund 2>&1); then
  # Registries that mirror only some platforms make npm find the lock file wanting.
  head -n 20 <<<"$log" >&2
  say "npm ci failed (see above); trying npm install, which may choose other versions of indirect packages"
  quietly npm install --no-save --no-audit --no-fund || fail "npm could not install the packages (is the registry reachable?)"
fi
printf '%s\n' "$now" >"$stamp"
