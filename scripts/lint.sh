#!/usr/bin/env bash
# The linters: format, spelling, shell scripts, Python, console, unused dependencies, licences, and clippy, which takes
# longest.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
. "$root/scripts/rust.sh"
cd "$root"

# The folder of the linters in linters.txt; another list is another folder.
wheels() {
  local list=$root/scripts/linters.txt prefix
  prefix=$cache/linters-$(sha256sum "$list" | cut -c1-12)
  if [ ! -e "$prefix/.complete" ]; then
    say "installing the linters of scripts/linters.txt (once)" >&2
    rm -rf "$prefix"
    mkdir -p "$cache"
    quietly python3 -m venv "$prefix" || fail "could not make a virtual environment (Debian: python3-venv)"
    quietly "$prefix/bin/pip" install --disable-pip-version-check --no-input --only-binary=:all: --requirement "$list" \
      || fail "could not install the linters (is the registry reachable?)"
    touch "$prefix/.complete"
  fi
  echo "$prefix/bin"
}

need_packages sdk
need_rust
wheels=$(wheels)
say "format"
cargo fmt --all --check
say "spelling"
"$wheels/typos"
say "shell scripts"
git ls-files '*.sh' .ci/run | xargs "$wheels/shellcheck"
say "Python"
"$wheels/ruff" check --quiet .
(cd runtime && "$wheels/mypy" --python-version 3.11 --ignore-missing-imports --check-untyped-defs --no-error-summary ./*.py)
say "lints of the console"
"$root/scripts/npm.sh" run lint
say "unused dependencies"
need_cargo cargo-machete
quietly cargo machete || fail "dependencies that nothing uses: take them out of the Cargo.toml that is named above"
say "licences, sources, banned crates"
"$root/scripts/deny.sh"
say "clippy (the first time takes about 10 minutes on two cores)"
cargo clippy --locked --workspace --all-targets -- -D warnings
