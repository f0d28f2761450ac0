#!/usr/bin/env bash
# Two commands from nothing: clone, make demo. Installs what is missing, builds, and shows the platform at work.
#
#   FILE=report.pdf   the document to upload       (default: the sample report in examples/)
#   ASK=question      what to ask about it         (default: 帮我分析财报)
#   DATA=folder       keep the data in this folder (default: a temporary one)
#   STAY=1            keep running afterwards, so that the console can be opened
#   PROFILE=release   cargo profile to build with (default: dev, which builds in half the time)
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
. "$root/scripts/rust.sh"

# Looked at before anything is built: a typing error should not cost ten minutes.
if [ -n "${FILE:-}" ]; then
  [ -f "$FILE" ] || fail "there is no file $FILE"
  FILE=$(realpath "$FILE")
fi
if [ -n "${DATA:-}" ]; then DATA=$(realpath -m "$DATA"); fi

"$root/scripts/setup.sh" build runtime console
build_septet "${PROFILE:-dev}"

args=(demo)
if [ -n "${FILE:-}" ]; then args+=(--file "$FILE"); fi
if [ -n "${ASK:-}" ]; then args+=(--ask "$ASK"); fi
if [ -n "${DATA:-}" ]; then args+=(--data "$DATA"); fi
if [ -n "${STAY:-}" ] && [ "$STAY" != 0 ]; then args+=(--stay); fi
say "running: septet ${args[*]}"
cd "$root"
exec "$septet" "${args[@]}" "$@"
