#!/usr/bin/env bash
# The console in real Chromium, against a platform of its own on a temporary data folder; screenshots are kept.
#
#   SHOTS=folder      where the screenshots go (default: shots/ in cargo's target folder)
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
. "$root/scripts/rust.sh"
. "$root/scripts/node.sh"

need_packages browser
"$root/scripts/console.sh"
# The test run has built it already, and cargo would build it once more for this package alone.
if [ -n "${SEPTET_BINARY:-}" ]; then septet=$SEPTET_BINARY; else build_septet "${PROFILE:-dev}"; fi
shots=${SHOTS:-$(target_folder)/shots}
mkdir -p "$shots"
shots=$(realpath "$shots")

data=$(mktemp -d -t septet-browser.XXXXXX)
server=
finish() {
  if [ -n "$server" ]; then kill "$server" 2>/dev/null && wait "$server" 2>/dev/null || true; fi
  rm -rf "$data"
}
trap finish EXIT

say "starting a platform for the browser"
# A clean environment: with a provider's key of this machine, a language model would answer instead of the offline analyst.
env -i PATH="$PATH" HOME="$HOME" LANG=C.UTF-8 \
  "$septet" up --listen 127.0.0.1:0 --data "$data/data" >"$data/said" 2>"$data/log" &
server=$!
for _ in $(seq 300); do
  grep -q '^septet is ready' "$data/said" && break
  kill -0 "$server" 2>/dev/null || { cat "$data/said" "$data/log" >&2; fail "the platform does not start"; }
  sleep 0.1
done
url=$(sed -n 's/^septet is ready: //p' "$data/said")
[ -n "$url" ] || { cat "$data/log" >&2; fail "the platform is not ready after 30 seconds"; }

say "the whole flow, in Chinese, at $url (screenshots in $shots)"
SEPTET_URL=$url \
  SEPTET_EMAIL=$(sed -n 's/^  mail  *//p' "$data/said") \
  SEPTET_PASSWORD=$(cat "$data/data/first-password") \
  SEPTET_PDF=$root/examples/annual-report-2025.pdf SEPTET_SHOTS=$shots SEPTET_CHROMIUM=$(command -v chromium) \
  "$root/scripts/npm.sh" run e2e || { tail -n 30 "$data/log" >&2; fail "the browser test failed (screenshots in $shots)"; }

say "a provider that limits, and a crash"
SEPTET_BINARY=$(realpath "$septet") SEPTET_SHOTS=$shots SEPTET_CHROMIUM=$(command -v chromium) \
  "$root/scripts/npm.sh" run e2e:crash

say "API keys"
SEPTET_BINARY=$(realpath "$septet") SEPTET_SHOTS=$shots SEPTET_CHROMIUM=$(command -v chromium) \
  "$root/scripts/npm.sh" run e2e:keys

say "everything that can go wrong, in words"
SEPTET_SHOTS=$shots SEPTET_CHROMIUM=$(command -v chromium) "$root/scripts/npm.sh" run e2e:errors

say "every page, looked at by axe"
SEPTET_CHROMIUM=$(command -v chromium) SEPTET_SHOTS=$shots/pages "$root/scripts/npm.sh" run e2e:pages
