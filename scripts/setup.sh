#!/usr/bin/env bash
# Installs what is missing on this machine and nothing else. Safe to run again.
#
#   scripts/setup.sh [build] [runtime] [console] [browser] [postgres] [redis] [docker] [litellm]      default: build runtime console
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
. "$root/scripts/rust.sh"
. "$root/scripts/node.sh"

[ $# -gt 0 ] || set -- build runtime console
for purpose in "$@"; do
  case $purpose in
    build)
      need_packages build
      need_rust
      ;;
    runtime)
      need_packages "$root/runtime/debian-packages.txt"
      [ $# = 1 ] || say "the sandbox's Python run-time (about a minute the first time)"
      "$root/runtime/provision.sh"
      PYTHON=/usr/bin/python3 "$root/runtime/pdfium.sh"
      ;;
    console) "$root/scripts/console.sh" ;;
    browser | postgres | redis | docker) need_packages "$purpose" ;;
    litellm)
      need_packages sdk
      "$root/scripts/litellm.sh" >/dev/null
      ;;
    *) fail "there is nothing called $purpose; choose from build, runtime, console, browser, postgres, redis, docker, litellm" ;;
  esac
done
