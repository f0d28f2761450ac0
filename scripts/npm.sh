#!/usr/bin/env bash
# Runs npm in web/ with the right Node, npm and packages:  scripts/npm.sh run lint
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
. "$root/scripts/node.sh"
"$root/scripts/npm-packages.sh"
need_node
cd "$root/web"
exec npm --silent "$@"
