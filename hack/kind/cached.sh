#!/usr/bin/env bash
# Sourced by hack/images.sh and the scripts of hack/kind: what they make is kept in the cache under a key of what it is made from.
# shellcheck disable=SC2034 # used where this is sourced
set -euo pipefail
shopt -s inherit_errexit
umask 022

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
cache=${XDG_CACHE_HOME:-${HOME:-${TMPDIR:-/tmp}}/.cache}/sallyport
# Where kubeadm looks for the images of the control plane: a name that nobody serves, all are in the node image.
image_repository=localhost/kubernetes

fail() {
  echo "Cannot go on: $1" >&2
  exit 1
}

# Debian packages "$@" must be there; root gets them installed.
need_packages() {
  local missing=() package
  for package in "$@"; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
  done
  [[ ${#missing[@]} -gt 0 ]] || return 0
  local install="apt-get install --no-install-recommends ${missing[*]}"
  if [[ $UID -ne 0 ]] || ! command -v apt-get >/dev/null; then
    fail "these packages of Debian are missing: run \"$install\" as root, or install Docker"
  fi
  echo "Installing ${missing[*]} (of Debian, with apt-get)" >&2
  DEBIAN_FRONTEND=noninteractive $install -y -q -o DPkg::Lock::Timeout=300 >&2 </dev/null ||
    fail "apt-get could not install them: run \"apt-get update\", then \"$install\", and read its messages"
}

# Prints the folder $cache/NAME-KEY, which the command "${@:3}" fills when it is not there: it gets an empty folder
# as last argument. KEY is made of the text "$2". Leaves nothing unfinished under that name, even when killed.
cached() {
  local name=$1 folder
  folder=$cache/$name-$(sha256sum <<<"$2" | cut -c -16)
  if [[ ! -d $folder ]]; then
    mkdir -p "$cache"
    exec 8>"$cache/$name.lock"
    flock --nonblock 8 || { echo "Waiting for another build of $name" >&2 && flock 8; }
    if [[ ! -d $folder ]]; then
      work=$(mktemp -d "$cache/build.XXXXXX")
      trap 'rm -rf --one-file-system "$work"' EXIT
      chmod 755 "$work"
      "${@:3}" "$work" >&2 8>&-
      mv "$work" "$folder"
      # Others may still use what is older; what four others followed is let go of.
      # shellcheck disable=SC2012 # names of ours, newest first
      (cd "$cache" && ls -td "$name"-????????????????/ | tail -n +6 | xargs --no-run-if-empty rm -rf --one-file-system)
    fi
    exec 8>&-
  fi
  touch "$folder"
  echo "$folder"
}
