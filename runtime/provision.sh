#!/bin/sh
# Provisions the Python run-time of the sandbox: pinned packages beside the host's own /usr/bin/python3.
#
#   provision.sh [OUT_DIR]     default: $SEPTET_RUNTIME, else /var/cache/septet/runtime as root, else ~/.cache/septet/runtime
#
# Safe to run again: a stamp made of this folder's contents and the Python version says whether anything is to be done.
# The sandbox binds the host's /usr read-only, so no root file system is built; only packages are downloaded (about
# 130 MB, 500 MB unpacked). Missing Debian packages (debian-packages.txt) are installed when run as root.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
python=/usr/bin/python3   # never the python of PATH: the wheels must fit the interpreter that the sandbox runs

say() { printf '%s\n' "runtime: $*"; }
fail() { printf '%s\n' "runtime: error: $*" >&2; exit 1; }

if [ $# -ge 1 ]; then out=$1
elif [ -n "${SEPTET_RUNTIME:-}" ]; then out=$SEPTET_RUNTIME
elif [ "$(id -u)" = 0 ]; then out=/var/cache/septet/runtime
else out=${XDG_CACHE_HOME:-$HOME/.cache}/septet/runtime; fi
mkdir -p "$out" || fail "cannot create $out"
out=$(cd "$out" && pwd)
[ -w "$out" ] || fail "$out is not writable"

# --- Debian packages
missing=
for package in $(grep -v '^#' "$here/debian-packages.txt"); do
  dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'install ok installed' || missing="$missing $package"
done
if [ -n "$missing" ]; then
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    say "installing Debian packages:$missing"
    export DEBIAN_FRONTEND=noninteractive
    # shellcheck disable=SC2086
    apt-get install -y -qq --no-install-recommends $missing >/dev/null 2>&1 \
      || { apt-get update -qq && apt-get install -y -qq --no-install-recommends $missing >/dev/null; } \
      || fail "could not install$missing; install them with your package manager and run this again"
  else
    # On other distributions the packages have other names: what matters is checked below by what works.
    say "not installed (run as root to have them installed):$missing"
  fi
fi
[ -x $python ] || fail "$python is missing: install python3 from your distribution"
$python -m pip --version >/dev/null 2>&1 || fail "$python has no pip: install python3-pip from your distribution"

# --- one run at a time, and only when something changed
exec 9>"$out/.lock"
if command -v flock >/dev/null 2>&1; then flock 9; fi
version=$($python -c 'import sys, platform; print("%d.%d-%s" % (*sys.version_info[:2], platform.machine()))')
stamp=$(cat "$here/requirements.txt" "$here/matplotlibrc" "$here/provision.sh" | sha256sum | cut -d' ' -f1)-$version
if [ "$(cat "$out/stamp" 2>/dev/null || true)" = "$stamp" ]; then say "up to date in $out"; exit 0; fi
began=$(date +%s)
rm -f "$out/stamp"; rm -rf "$out/site.new" "$out/mpl.new"

say "downloading packages for Python $version into $out"
$python -m pip install --quiet --disable-pip-version-check --no-input --no-cache-dir --only-binary=:all: --no-compile \
  --root-user-action=ignore --target "$out/site.new" -r "$here/requirements.txt" \
  || fail "pip could not install requirements.txt (is the package index reachable? pip reads PIP_INDEX_URL and pip.conf)"

say "stripping tests and tools"
find "$out/site.new" -type d \( -name tests -o -name test -o -name testing -path '*/matplotlib/*' \) -prune -exec rm -rf {} +
find "$out/site.new" -type d -name __pycache__ -prune -exec rm -rf {} +
find "$out/site.new" -type f \( -name '*.pyx' -o -name '*.pxd' -o -name '*.c' -o -name '*.h' -o -name '*.a' \) -delete
rm -rf "$out/site.new/bin" "$out/site.new/share"
find "$out/site.new" -perm /6000 -type f -exec chmod a-s {} +

say "compiling"
# The pyc files name the path inside the sandbox, so that tracebacks do.
$python -I -m compileall -q -j 0 --invalidation-mode unchecked-hash -s "$out/site.new" -p /opt/site "$out/site.new" >/dev/null \
  || say "some files did not compile; they are compiled when imported"

say "building the font cache"
mkdir -p "$out/mpl.new"; cp "$here/matplotlibrc" "$out/mpl.new/"
scratch=$(mktemp -d); trap 'rm -rf "$scratch"' EXIT
env -i PATH=/usr/bin:/bin HOME="$scratch" OPENBLAS_NUM_THREADS=1 MPLCONFIGDIR="$out/mpl.new" MATPLOTLIBRC="$out/mpl.new/matplotlibrc" \
  PYTHONPATH="$out/site.new" PYTHONDONTWRITEBYTECODE=1 $python -s - "$scratch/check.png" <<'PY' || fail "the packages do not work together (see above)"
import sys
import duckdb, openpyxl, PIL, numpy, pandas, plotly, pyarrow.parquet
import matplotlib.pyplot as plot
from matplotlib import font_manager
families = {f.name for f in font_manager.fontManager.ttflist}
if not families & {"WenQuanYi Micro Hei", "Noto Sans CJK SC", "Noto Sans CJK JP"}:
    sys.exit("runtime: error: no Chinese font found: install fonts-wqy-microhei (Debian) or wqy-microhei-fonts (Fedora)")
plot.plot(pandas.Series(numpy.arange(3))); plot.title("中文"); plot.savefig(sys.argv[1])
duckdb.connect().execute("select 1").fetchall()
PY

rm -rf "$out/site" "$out/mpl"
mv "$out/site.new" "$out/site"; mv "$out/mpl.new" "$out/mpl"
for info in "$out"/site/*.dist-info; do basename "$info" .dist-info; done | sed 's/-/==/' > "$out/packages.txt"
# Readable for the unprivileged ids that sandboxed code runs under.
chmod -R a+rX "$out/site" "$out/mpl"
printf '%s\n' "$stamp" > "$out/stamp"
say "ready in $out ($(du -sh "$out" | cut -f1), $(( $(date +%s) - began )) s)"
