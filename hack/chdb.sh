#!/usr/bin/env bash
# Finds or installs the engine of ClickHouse for tests, as a library for Python (chdb). Standard output: one line, the
# folder for PYTHONPATH; progress and errors go to standard error. What it fetches is checked against
# hack/chdb-requirements.txt.
set -euo pipefail

version=26.9.0
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache=${XDG_CACHE_HOME:-${HOME:-${TMPDIR:-/tmp}}/.cache}/sallyport
folder=$cache/chdb-$version

if [[ ${1:-} == --help ]]; then
  cat <<TXT
Usage: hack/chdb.sh

Prints the folder with chdb $version for PYTHONPATH. It is installed once, with pip (some 180 MB), and kept in
$folder.
TXT
  exit 0
fi

# Leaves nothing but a finished folder, even when it is killed.
install() {
  local work
  work=$(mktemp -d "$cache/fetch.XXXXXX")
  # shellcheck disable=SC2064 # the folder of now
  trap "rm -rf '$work'" EXIT
  echo "Fetching chdb $version (once, about 180 MB)..." >&2
  if ! python3 -m pip install --no-deps --only-binary :all: --require-hashes --disable-pip-version-check \
    --no-cache-dir -r "$here/chdb-requirements.txt" --target "$work/chdb" >"$work/log" 2>&1 </dev/null; then
    tail -n 5 "$work/log" >&2
    echo "Cannot install chdb $version: read pip's messages above (it needs Python 3.9 or newer and the package index)" >&2
    exit 1
  fi
  mv "$work/chdb" "$folder"
}

if [[ ! -d $folder ]]; then
  mkdir -p "$cache"
  exec 9>"$cache/chdb.lock"
  flock --nonblock 9 || { echo "Waiting for another installation of chdb" >&2 && flock 9; }
  [[ -d $folder ]] || install
fi
echo "$folder"
