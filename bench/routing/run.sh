#!/usr/bin/env bash
# How well the difficulty scorer finds the prompts that need the strong model, beside LiteLLM's router and the length of
# the prompt. Trains ten models (minutes), changes no weights. Needs the labels: see README.md.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
shared=${SEPTET_SHARED:-$root/../shared}
tools=${XDG_CACHE_HOME:-$HOME/.cache}/septet/bench-routing
labels=$(echo "$shared"/fixtures/routing/*.tar.xz)
if [ ! -f "$labels" ]; then
  echo "bench-routing: no labels under $shared/fixtures/routing; set SEPTET_SHARED (bench/routing/README.md says where they are from)" >&2
  exit 1
fi
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# Outside the repository: one environment to train in, one with the peer.
ready() { # folder, what pip installs
  local folder=$1
  shift
  [ -x "$folder/bin/python" ] && [ -f "$folder/ready" ] && return
  python3 -m venv "$folder"
  "$folder/bin/pip" install --quiet --disable-pip-version-check "$@"
  touch "$folder/ready"
}
ready "$tools/train" -r "$here/requirements.txt"
ready "$tools/litellm-1.106.2" litellm==1.106.2

tar -xJf "$labels" -C "$scratch"
cd "$root"
cargo build --locked --quiet -p septet-difficulty --examples
"$tools/train/bin/python" "$here/train.py" "$scratch" --scores "$scratch/scores.jsonl" "$@"
"$tools/train/bin/python" "$here/train.py" "$scratch" --prompts >"$scratch/prompts"
microseconds=$(cargo run --locked --quiet -p septet-difficulty --example score 2>&1 >/dev/null <"$scratch/prompts")
"$tools/litellm-1.106.2/bin/python" "$here/compare.py" "$scratch" "$scratch/scores.jsonl" "$microseconds" "$root/bench/results/models.jsonl"
