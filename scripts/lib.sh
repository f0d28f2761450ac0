# shellcheck shell=bash disable=SC2034
# What the scripts of this folder share. Sourced, never run; expects bash with set -euo pipefail.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/septet
# Kept over the scripts that call each other, so that the seconds printed are those of the whole command.
export SEPTET_BEGAN=${SEPTET_BEGAN:-$(date +%s)}

# Prints what is being done and how far into the command we are.
say() { printf '[%4ss] %s\n' "$(($(date +%s) - SEPTET_BEGAN))" "$*"; }

fail() {
  printf 'error: %s\n' "$*" >&2
  exit 1
}

# Runs a command quietly; shows the end of what it printed when it fails.
quietly() {
  local log status=0
  log=$(mktemp)
  "$@" >"$log" 2>&1 || status=$?
  if [ $status != 0 ]; then tail -n 60 "$log" >&2; fi
  rm -f "$log"
  return $status
}

# The packages of a list (debian/<name>.txt or a path) that are not installed, on one line.
missing_packages() {
  local list=$1 package
  [ -f "$list" ] || list=$root/scripts/debian/$list.txt
  grep -v -e '^#' -e '^$' "$list" | while read -r package; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q '^install ok installed' || printf '%s ' "$package"
  done
}

# Installs what is missing of a list of Debian packages: as root, or through sudo, or not at all but clearly.
need_packages() {
  local missing sudo=()
  if ! command -v dpkg-query >/dev/null; then
    say "not a Debian system: $1 packages are not checked (see scripts/debian)"
    return
  fi
  missing=$(missing_packages "$1")
  [ -n "$missing" ] || return 0
  if [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null || fail "these Debian packages are missing, and there is neither root nor sudo to install them:
  $missing
As root, run:  apt-get update && apt-get install -y --no-install-recommends $missing"
    sudo=(sudo)
  fi
  say "installing Debian packages: $missing(a minute or two)"
  # A broken extra source must not stop us while the main one works; installing says what is really missing.
  quietly "${sudo[@]}" apt-get update -q || say "apt-get update had trouble; going on"
  # shellcheck disable=SC2086 # a list of words
  quietly "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends $missing \
    || fail "could not install: $missing"
}

# True when version $1 is at least $2.
at_least() { [ "$(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n 1)" = "$2" ]; }
