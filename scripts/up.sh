#!/usr/bin/env bash
# Builds what is needed and runs the platform: all seven services and the console in one process.
#
#   DATA=folder       where everything lies that must last
#   PROFILE=dev       cargo profile to build with (default: release)
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
. "$root/scripts/rust.sh"

if [ -n "${DATA:-}" ]; then DATA=$(realpath -m "$DATA"); fi
"$root/scripts/setup.sh" build runtime console
build_septet "${PROFILE:-release}"
say "the binary is $septet (make install puts it on your PATH)"
args=(up)
if [ -n "${DATA:-}" ]; then args+=(--data "$DATA"); fi
cd "$root"
exec "$septet" "${args[@]}" "$@"
