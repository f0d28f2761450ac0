#!/bin/sh
# Provisions the Python run-time of the sandbox: pinned packages beside the host's own /usr/bin/python3.
#
#   provision.sh [OUT_DIR]     default: $SEPTET_RUNTIME, else /var/cache/septet/runtime as root, else ~/.cache/septet/runtime
#
# Safe to run again: a stamp made of this folder's contents and the Python version says whether anything is to be done.
# The sandbox binds the host's /usr read-only, so no root file system is built; only packages are downloaded (about
# 330 MB, 1.2 GB unpacked, which is the bound that is checked). Missing Debian packages (debian-packages.txt) are installed when run as root.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
size_max=1200000000
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
# shellcheck disable=SC2013 # a name of a package has no spaces
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
# What was replaced a day ago is used by no sandbox any more.
find "$out" -maxdepth 1 -name '*.old' -mmin +1440 -exec rm -rf {} +
version=$($python -c 'import sys, platform; print("%d.%d-%s" % (*sys.version_info[:2], platform.machine()))')
stamp=$(cat "$here/requirements.txt" "$here/matplotlibrc" "$here/provision.sh" | sha256sum | cut -d' ' -f1)-$version
# The tools for them may have come after the rest, so what is not there is made whenever this runs.
make_locales() {
  mkdir -p "$1"
  # They cover those of the system in a sandbox, so what every program starts with is among them.
  for locale in C zh_CN en_US; do
    [ ! -e "$1/$locale.UTF-8" ] || continue
    rm -rf "$1/$locale.new"
    if localedef --no-archive -i "$locale" -f UTF-8 "$1/$locale.new" 2>/dev/null; then
      chmod -R a+rX "$1/$locale.new"
      mv "$1/$locale.new" "$1/$locale.UTF-8"
    else
      say "no locale $locale.UTF-8: install locales (Debian) or glibc-locale-source (Fedora) to have it"
    fi
  done
}
if [ "$(cat "$out/stamp" 2>/dev/null || true)" = "$stamp" ]; then
  make_locales "$out/locale"
  say "up to date in $out"
  exit 0
fi
began=$(date +%s)
rm -rf "$out/site.new" "$out/mpl.new" "$out/locale.new"

say "downloading packages for Python $version into $out"
# Every file has its hash in requirements.txt. jieba alone is published as source: Python, and built with the host's own tools.
$python -m pip install --quiet --disable-pip-version-check --no-input --no-cache-dir --no-compile --no-deps --require-hashes \
  --only-binary=:all: --no-binary=jieba --no-build-isolation \
  --root-user-action=ignore --target "$out/site.new" -r "$here/requirements.txt" 2>"$out/pip.log" \
  || { cat "$out/pip.log" >&2; fail "pip could not install requirements.txt (is the package index reachable? pip reads PIP_INDEX_URL and pip.conf)"; }
rm -f "$out/pip.log"

say "stripping tests, tools and what needs a network"
cd "$out/site.new"
find . -type d \( -name tests -o -name test -o -name testing -path '*/matplotlib/*' \) -prune -exec rm -rf {} +
find . -type d -name __pycache__ -prune -exec rm -rf {} +
find . -type f \( -name '*.pyx' -o -name '*.pxd' -o -name '*.c' -o -name '*.h' -o -name '*.cpp' -o -name '*.hpp' -o -name '*.a' \) -delete
# Arrow's remote procedures, an editor's plug-in, and jieba's tables for another interpreter.
rm -rf bin share pyarrow/include pyarrow/src pyarrow/*flight* plotly/labextension jieba/*/*.p
find . -perm /6000 -type f -exec chmod a-s {} +
cd "$here"

say "compiling"
# The pyc files name the path inside the sandbox, so that tracebacks do.
$python -I -m compileall -q -j 0 --invalidation-mode unchecked-hash -s "$out/site.new" -p /opt/site "$out/site.new" >/dev/null \
  || say "some files did not compile; they are compiled when imported"

say "making locales"
make_locales "$out/locale.new"

say "building the font cache"
mkdir -p "$out/mpl.new"; cp "$here/matplotlibrc" "$out/mpl.new/"
scratch=$(mktemp -d); trap 'rm -rf "$scratch"' EXIT
env -i PATH=/usr/bin:/bin HOME="$scratch" OPENBLAS_NUM_THREADS=1 MPLCONFIGDIR="$out/mpl.new" MATPLOTLIBRC="$out/mpl.new/matplotlibrc" \
  PYTHONPATH="$out/site.new" PYTHONDONTWRITEBYTECODE=1 $python -s - "$scratch/check.png" <<'PY' || fail "the packages do not work together (see above)"
import sys
import duckdb, openpyxl, PIL, numpy, pandas, plotly, pyarrow.parquet
import bs4, docx, geopandas, html5lib, jieba, jinja2, joblib, lightgbm, lxml, mplfinance, networkx, pdfplumber, polars, pptx, pyecharts, pypdf
import reportlab, requests, scipy.stats, seaborn, skimage, sklearn.ensemble, sqlalchemy, statsmodels.api, sympy, tabulate, tqdm, wordcloud
import xgboost, xlrd, xlsxwriter, yaml
import matplotlib.pyplot as plot
from matplotlib import font_manager
families = {f.name for f in font_manager.fontManager.ttflist}
if not families & {"WenQuanYi Micro Hei", "Noto Sans CJK SC", "Noto Sans CJK JP"}:
    sys.exit("runtime: error: no Chinese font found: install fonts-wqy-microhei (Debian) or wqy-microhei-fonts (Fedora)")
plot.plot(pandas.Series(numpy.arange(3))); plot.title("中文"); plot.savefig(sys.argv[1])
duckdb.connect().execute("select 1").fetchall()
PY

size=$(du -sbc "$out/site.new" "$out/mpl.new" "$out/locale.new" | tail -1 | cut -f1)
[ "$size" -le "$size_max" ] || fail "the run-time has $size bytes and may have $size_max; drop a package from requirements.in"

# Sandboxes that run now go on to import from what they have.
rm -f "$out/stamp"
for part in site mpl locale; do
  rm -rf "$out/$part.old"
  if [ -e "$out/$part" ]; then mv "$out/$part" "$out/$part.old"; touch "$out/$part.old"; fi
  mv "$out/$part.new" "$out/$part"
done
for info in "$out"/site/*.dist-info; do basename "$info" .dist-info; done | sed 's/-/==/' > "$out/packages.txt"
# Readable for the unprivileged ids that sandboxed code runs under.
chmod -R a+rX "$out/site" "$out/mpl" "$out/locale"
printf '%s\n' "$stamp" > "$out/stamp"
say "ready in $out ($(( size / 1000000 )) MB of at most $(( size_max / 1000000 )), $(( $(date +%s) - began )) s)"
