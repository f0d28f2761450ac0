#!/usr/bin/env bash
# Builds the release binary, with the console inside, and puts it on the PATH.
#
#   PREFIX=folder     it goes to PREFIX/bin (default: /usr/local as root, else ~/.local)
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
. "$root/scripts/rust.sh"

if [ -z "${PREFIX:-}" ]; then if [ "$(id -u)" = 0 ]; then PREFIX=/usr/local; else PREFIX=$HOME/.local; fi; fi
"$root/scripts/setup.sh" build runtime console
build_septet release
mkdir -p "$PREFIX/bin" && [ -w "$PREFIX/bin" ] || fail "cannot write to $PREFIX/bin; choose another with PREFIX=folder"
# A name of its own first: a septet that runs keeps its file until it stops.
install -m 0755 "$septet" "$PREFIX/bin/.septet.new"
mv "$PREFIX/bin/.septet.new" "$PREFIX/bin/septet"
say "installed $PREFIX/bin/septet ($("$PREFIX/bin/septet" --version))"
case ":$PATH:" in
  *":$PREFIX/bin:"*) say "run it with: septet up" ;;
  *) say "$PREFIX/bin is not on your PATH yet; add it: export PATH=$PREFIX/bin:\$PATH" ;;
esac
