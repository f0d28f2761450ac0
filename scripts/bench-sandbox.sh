#!/usr/bin/env bash
# Measures the sandbox beside python3, bwrap, docker run and docker exec. Installs what that needs; the Docker daemon is
# a throw-away one unless DOCKER_HOST names another.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
. "$root/scripts/servers.sh"
trap stop_servers EXIT
cd "$root"

"$root/scripts/setup.sh" build runtime
if [ "$(id -u)" = 0 ]; then need_packages peers && need_packages docker; fi
if [ -z "${DOCKER_HOST:-}" ]; then
  start_docker
  export DOCKER_HOST="${SEPTET_TEST_DOCKER:-}"
fi
cargo build --locked --release -p septet -p septet-bench
"${CARGO_TARGET_DIR:-target}/release/septet-bench" sandbox
