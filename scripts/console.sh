#!/usr/bin/env bash
# Builds the web console into web/dist. Does nothing when its sources are those of the last build. The description of the
# API is one of them: its types are made from it.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
. "$root/scripts/node.sh"
cd "$root/web"

sources() {
  find . ../docs/api/openapi.json \
    \( -path ./node_modules -o -path ./dist -o -path ./test -o -path ./e2e -o -path ./dev -o -path ./src/api/schema.d.ts \) \
    -prune -o -type f -print0 \
    | LC_ALL=C sort -z | xargs -0 sha256sum | sha256sum | cut -d' ' -f1
}

now=$(sources)
stamp=node_modules/.septet-console
if [ -f dist/index.html ] && [ "$(cat "$stamp" 2>/dev/null)" = "$now" ]; then
  say "the console is up to date"
  exit 0
fi
need_node
say "building the console (about a minute)"
"$root/scripts/npm-packages.sh"
quietly npm run build || fail "the console does not build (see above)"
printf '%s\n' "$now" >"$stamp"
