#!/usr/bin/env bash
# Builds the OpenTelemetry Collector of test/outside/otel-collector, from its Go modules. Standard output: one line, the
# path of the program; progress and errors go to standard error.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")/../test/outside/otel-collector" && pwd)
cache=${XDG_CACHE_HOME:-${HOME:-${TMPDIR:-/tmp}}/.cache}/sallyport

if [[ ${1:-} == --help ]]; then
  cat <<TXT
Usage: hack/otel-collector.sh

Prints the path of an OpenTelemetry Collector for tests. It is built once with Go (2 to 4 minutes on 2 cores) and kept in
$cache.
TXT
  exit 0
fi

command -v go >/dev/null || {
  echo 'Cannot build the OpenTelemetry Collector: install Go 1.26 or newer and put "go" on PATH' >&2
  exit 1
}
key=$({ cat "$here"/main.go "$here"/go.mod "$here"/go.sum && go env GOVERSION GOOS GOARCH; } | sha256sum | cut -c -16)
folder=$cache/otel-collector-$key
if [[ ! -d $folder ]]; then
  mkdir -p "$cache"
  exec 9>"$cache/otel-collector.lock"
  flock --nonblock 9 || { echo 'Waiting for another build of the OpenTelemetry Collector' >&2 && flock 9; }
fi
if [[ ! -d $folder ]]; then
  work=$(mktemp -d "$cache/build.XXXXXX")
  # shellcheck disable=SC2064 # the folder of now
  trap "rm -rf '$work'" EXIT
  echo 'Building the OpenTelemetry Collector (once)' >&2
  (cd "$here" && CGO_ENABLED=0 go build -mod=readonly -trimpath -ldflags '-s -w' -o "$work/otel-collector" .) \
    9>&- >"$work/log" 2>&1 || {
    tail -n 15 "$work/log" >&2
    echo 'Cannot build the OpenTelemetry Collector: read the messages of Go above (it needs the Go module proxy)' >&2
    exit 1
  }
  rm "$work/log"
  mv "$work" "$folder"
fi
echo "$folder/otel-collector"
