#!/bin/sh
# Pins requirements.in, with all that it needs and the hash of every file, into requirements.txt. Needs uv (pip install uv).
set -eu
cd "$(dirname "$0")"
# jieba alone is published as source only; it is Python and has nothing to compile.
uv pip compile requirements.in --universal --python-version 3.11 --only-binary :all: --no-binary jieba --generate-hashes --no-annotate \
  --custom-compile-command runtime/lock.sh --quiet --output-file requirements.txt
# GDAL is 100 MB, and there are no maps to read here.
awk '/^[a-z]/ { skip = /^pyogrio==/ } !skip' requirements.txt > requirements.new && mv requirements.new requirements.txt
