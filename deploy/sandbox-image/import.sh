#!/usr/bin/env bash
# Makes the image of the Docker driver without a registry: out of this machine's own Debian packages, the provisioned
# Python run-time and the septet binary. The Dockerfile beside this makes the same from a base image.
#
#   import.sh --binary FILE [--tag NAME] [--runtime FOLDER]
#
# NAME is septet-sandbox, FOLDER where `make runtime` has put the packages. Docker is reached as DOCKER_HOST says. The
# image is for this machine's architecture and has nothing in it that is not needed to run code.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)

fail() {
  printf 'error: %s\n' "$*" >&2
  exit 1
}

binary='' tag=septet-sandbox runtime=${SEPTET_RUNTIME:-}
while [ $# -gt 0 ]; do
  [ $# -ge 2 ] || fail "$1 needs a value"
  case $1 in
    --binary) binary=$2 ;;
    --tag) tag=$2 ;;
    --runtime) runtime=$2 ;;
    *) fail "there is no argument $1" ;;
  esac
  shift 2
done
if [ -z "$runtime" ]; then
  if [ "$(id -u)" = 0 ]; then runtime=/var/cache/septet/runtime; else runtime=${XDG_CACHE_HOME:-$HOME/.cache}/septet/runtime; fi
fi
[ -x "$binary" ] || fail "--binary must name the septet binary"
[ -f "$runtime/stamp" ] || fail "the Python run-time is not at $runtime; run: make runtime"
command -v dpkg-query >/dev/null || fail "this is not a Debian system; use the Dockerfile"
command -v docker >/dev/null || fail "docker is not installed"

# The packages, and all that they depend on, as far as it is installed here.
wanted=(python3 python3-pip bash dash coreutils findutils grep sed gawk tzdata libgcc-s1 libstdc++6 libgomp1 fontconfig-config
  fonts-dejavu-core fonts-wqy-microhei)
packages() {
  local todo=("${wanted[@]}") next package depends
  declare -A seen=()
  while [ ${#todo[@]} -gt 0 ]; do
    next=()
    for package in "${todo[@]}"; do
      [ -z "${seen[$package]:-}" ] || continue
      # What is only provided by another package, or not installed, has no files of its own.
      depends=$(dpkg-query -W -f '${Status}|${Pre-Depends},${Depends}' "$package" 2>/dev/null) || continue
      seen[$package]=1
      case $depends in "install ok installed|"*) ;; *) continue ;; esac
      printf '%s\n' "$package"
      # shellcheck disable=SC2207 # names of packages have no spaces
      next+=($(printf '%s' "${depends#*|}" | tr ',|' '\n' | sed -e 's/([^)]*)//g' -e 's/:[a-z0-9]*//' -e 's/ //g'))
    done
    todo=("${next[@]+"${next[@]}"}")
  done
}

stage=$(mktemp -d -t septet-image.XXXXXX)
trap 'rm -rf "$stage"' EXIT
chmod 0755 "$stage"

mkdir -p "$stage"/usr/{bin,sbin,lib} "$stage"/{etc,opt/septet/mpl,proc,sys,dev,tmp,var,run/septet,run/report,session,mnt}
ln -s /session "$stage/mnt/data"
for name in bin sbin lib lib32 lib64 libx32; do
  # As this machine has it: a link into /usr, or a folder.
  if [ -L "/$name" ]; then
    ln -s "$(readlink "/$name")" "$stage/$name"
    mkdir -p "$stage/usr/$name"
  fi
done
ln -s /tmp "$stage/var/tmp"
chmod 1777 "$stage/tmp"

# Files of packages, less what nobody reads in a sandbox, and less what would give its user another one's rights.
packages | while read -r package; do dpkg-query -L "$package"; done | sort -u \
  | grep -E '^/(usr|bin|sbin|lib|lib64|etc/(alternatives|fonts|ld\.so))' \
  | grep -vE '^/usr/(share/(doc|man|info|locale|lintian|bug|bash-completion|common-licenses)|include|lib/(systemd|apt|dpkg|locale))(/|$)' \
  | while read -r path; do if [ ! -d "$path" ] || [ -L "$path" ]; then printf '%s\n' "$path"; fi; done \
  | while read -r path; do [ ! -e "$path" ] && [ ! -L "$path" ] || printf '%s\0' "${path#/}"; done \
  | tar -C / --null --no-recursion --no-acls --no-xattrs -cf - -T - --transform='s,^\(bin\|sbin\|lib\|lib64\)/,usr/\1/,RSh' 2>/dev/null \
  | tar -C "$stage" --no-same-owner -xf -
# Links that packages make when they are installed.
for name in python3 python sh awk; do
  [ ! -L "/usr/bin/$name" ] || [ -e "$stage/usr/bin/$name" ] || ln -s "$(readlink "/usr/bin/$name")" "$stage/usr/bin/$name"
done
cp -a /etc/alternatives "$stage/etc/"
[ ! -e /etc/fonts ] || cp -a /etc/fonts "$stage/etc/"
find "$stage" -type f -perm /6000 -exec chmod a-s {} +

printf '%s\n' 'root:x:0:0::/:/usr/sbin/nologin' 'sandbox:x:1000:1000::/session:/bin/sh' \
  'nobody:x:65534:65534::/:/usr/sbin/nologin' >"$stage/etc/passwd"
printf '%s\n' 'root:x:0:' 'sandbox:x:1000:' 'nogroup:x:65534:' >"$stage/etc/group"
printf '%s\n' 'passwd: files' 'group: files' 'hosts: files' >"$stage/etc/nsswitch.conf"
printf '%s\n' '[global]' 'retries = 0' 'disable-pip-version-check = true' >"$stage/etc/pip.conf"
cp /etc/ld.so.conf "$stage/etc/"
# Which servers code trusts, in a session with egress.
[ -e /etc/ssl/certs/ca-certificates.crt ] || fail "there are no certificates to trust; install ca-certificates"
install -D -m 0644 /etc/ssl/certs/ca-certificates.crt "$stage/etc/ssl/certs/ca-certificates.crt"
[ ! -d /etc/ld.so.conf.d ] || cp -a /etc/ld.so.conf.d "$stage/etc/"
ldconfig=$(command -v ldconfig || echo /sbin/ldconfig)
"$ldconfig" -r "$stage"

cp -a "$runtime/site" "$stage/opt/site"
if [ -d "$runtime/locale" ]; then
  mkdir -p "$stage/usr/lib/locale"
  cp -a "$runtime/locale/." "$stage/usr/lib/locale/"
fi
cp "$runtime"/mpl/*.json "$stage/opt/septet/mpl/"
cp "$root/runtime/matplotlibrc" "$stage/opt/septet/mpl/"
cp "$root"/runtime/*.py "$stage/opt/septet/"
install -m 0755 "$binary" "$stage/usr/bin/septet"
chmod -R a+rX "$stage/opt" "$stage/etc"

tar -C "$stage" --numeric-owner --owner=0 --group=0 -cf - . \
  | docker import --change 'ENTRYPOINT ["/usr/bin/septet","internal","sandbox-agent"]' - "$tag"
