#!/usr/bin/env bash
# Installs the LiteLLM proxy, once, into the cache folder of this user, and prints the path of its program. Tests put it in
# the place of the model gateway.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

wanted='litellm[proxy]==1.106.2'
prefix=$cache/litellm-1.106.2-proxy

mkdir -p "$cache"
# Tests of several processes may ask at the same time.
exec 9>"$prefix.lock"
flock 9
if [ ! -e "$prefix/.complete" ]; then
  say "installing $wanted into $prefix (about two minutes, 600 MB)" >&2
  # A virtual environment knows its own path, so it is made where it stays, and the mark comes last.
  rm -rf "$prefix"
  quietly python3 -m venv "$prefix" || fail "could not make a virtual environment (Debian: python3-venv)"
  quietly "$prefix/bin/pip" install --disable-pip-version-check --no-input --only-binary=:all: "$wanted" \
    || fail "could not install $wanted (is the registry reachable?)"
  touch "$prefix/.complete"
fi
echo "$prefix/bin/litellm"
