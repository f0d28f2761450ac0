#!/bin/sh
# Puts libpdfium.so where Septet looks for it: $SEPTET_RUNTIME/lib/libpdfium.so.
#
# The library comes from the PyPI wheel of pypdfium2 (PDFium itself is BSD-3-Clause / Apache-2.0), so an ordinary pip is
# all that is needed. Run it as often as you like: a library of the wanted version is left alone.
#
#   SEPTET_RUNTIME   where to install; default /var/cache/septet/runtime when that can be written, else ~/.cache/septet/runtime
#   PYTHON           which python to use; default python3
#
# Without the library the knowledge engine still reads PDFs, by a slower reader that knows less about tables.
set -eu

version=5.15.2
python=${PYTHON:-python3}

runtime=${SEPTET_RUNTIME:-}
if [ -z "$runtime" ]; then
    runtime=/var/cache/septet/runtime
    if ! mkdir -p "$runtime" 2>/dev/null || [ ! -w "$runtime" ]; then
        runtime=${HOME:?HOME is not set; say where to install with SEPTET_RUNTIME}/.cache/septet/runtime
    fi
fi
mkdir -p "$runtime/lib"

library=$runtime/lib/libpdfium.so
stamp=$runtime/lib/libpdfium.version
if [ -s "$library" ] && [ "$(cat "$stamp" 2>/dev/null)" = "$version" ]; then
    echo "$library is already there (pypdfium2 $version)"
    exit 0
fi

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT INT TERM

"$python" -m pip download --quiet --disable-pip-version-check --no-deps --only-binary=:all: \
    --dest "$scratch" "pypdfium2==$version"
# A wheel is a zip; python reads it, so that unzip need not be installed.
"$python" - "$scratch" "$scratch/libpdfium.so" <<'PYTHON'
import glob, sys, zipfile
wheel, = glob.glob(sys.argv[1] + "/*.whl")
with zipfile.ZipFile(wheel) as archive:
    member, = [name for name in archive.namelist() if name.endswith("/libpdfium.so")]
    with open(sys.argv[2], "wb") as out:
        out.write(archive.read(member))
PYTHON

# Moved into place in one step: a service starting right now sees the old library or the new one, never half of it.
cp "$scratch/libpdfium.so" "$library.new"
chmod 0644 "$library.new"
mv "$library.new" "$library"
echo "$version" > "$stamp"
echo "installed $library (pypdfium2 $version)"
