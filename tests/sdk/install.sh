#!/usr/bin/env bash
# Installs the official SDKs of OpenAI and Anthropic for the tests, once, beside cargo's target folder, and prints where.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
folder=${CARGO_TARGET_DIR:-$here/../../target}/sdk
mkdir -p "$folder"
exec 9>"$folder/.lock"
flock 9
stamp=$(cat "$here/requirements.txt" "$here/package.json" | sha256sum | cut -d' ' -f1)
if [ "$(cat "$folder/.stamp" 2>/dev/null)" != "$stamp" ]; then
  rm -rf "$folder/venv" "$folder/node_modules"
  python3 -m venv "$folder/venv" >&2
  "$folder/venv/bin/pip" install --quiet --requirement "$here/requirements.txt" >&2
  cp "$here/package.json" "$folder/package.json"
  (cd "$folder" && npm install --silent --no-audit --no-fund --no-package-lock) >&2
  echo "$stamp" >"$folder/.stamp"
fi
echo "$folder"
