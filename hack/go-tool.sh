#!/usr/bin/env bash
# Finds or builds a program of others that only development needs, from its Go module. Standard output: one line, the
# path of the program; progress and errors go to standard error.
set -euo pipefail

# Name, package, version and Go's build tags of each. Without service discoveries promtool is a fifth smaller.
tools='
helm        helm.sh/helm/v4/cmd/helm                  v4.3.1
kind        sigs.k8s.io/kind                          v0.33.0
coredns     github.com/coredns/coredns                v1.14.7
kube-score  github.com/zegl/kube-score/cmd/kube-score v1.20.0
promtool    github.com/prometheus/prometheus/cmd/promtool v0.316.0 remove_all_sd
versitygw   github.com/versity/versitygw/cmd/versitygw v1.8.0
'
cache=${XDG_CACHE_HOME:-${HOME:-${TMPDIR:-/tmp}}/.cache}/sallyport
names=$(awk 'NF { print $1 }' <<<"$tools" | paste -sd ' ')

if [[ $# -ne 1 || $1 == --help ]]; then
  cat <<TXT
Usage: hack/go-tool.sh NAME

Prints the path of one of these programs: $names.
It is built once with Go, in the pinned version, and kept in $cache (helm takes 3 to 6 minutes on 2 cores).
TXT
  [[ ${1:-} == --help ]] && exit 0 || exit 2
fi

fail() {
  echo "Cannot build $name: $1" >&2
  exit 1
}

# Leaves nothing but a finished folder under the name "$1", even when it is killed.
build() {
  local work compiler
  work=$(mktemp -d "$cache/build.XXXXXX")
  # shellcheck disable=SC2064 # the folder of now
  trap "rm -rf '$work'" EXIT
  echo "Building $name $version (once)" >&2
  (cd / && GOBIN=$work CGO_ENABLED=0 exec go install -v -trimpath -ldflags '-s -w' -tags "$tags" "$package@$version") \
    9>&- >"$work/log" 2>&1 &
  compiler=$!
  # shellcheck disable=SC2064 # the process of now
  trap "kill $compiler 2>/dev/null || true; rm -rf '$work'" EXIT
  until timeout --foreground 30 tail -s 0.2 --pid="$compiler" -f /dev/null; do
    printf '%d:%02d min: %d packages compiled\n' $((SECONDS / 60)) $((SECONDS % 60)) \
      "$(grep -vc '^go: ' "$work/log")" >&2
  done
  if ! wait "$compiler"; then
    tail -n 15 "$work/log" >&2
    fail 'go install failed: read its messages above (it needs the Go module proxy)'
  fi
  rm "$work/log"
  mv "$work" "$1"
}

name=$1
read -r package version tags < <(awk -v name="$name" '$1 == name { print $2, $3, $4 }' <<<"$tools") ||
  { name="\"$name\"" && fail "it is none of $names"; }
command -v go >/dev/null || fail 'Go was not found: install Go 1.26 or newer from https://go.dev/dl and put "go" on PATH'
key=$(go env GOVERSION GOOS GOARCH | sha256sum | cut -c -8)
folder=$cache/$name-$version-$key
if [[ ! -d $folder ]]; then
  mkdir -p "$cache"
  exec 9>"$cache/$name.lock"
  flock --nonblock 9 || { echo "Waiting for another build of $name" >&2 && flock 9; }
  [[ -d $folder ]] || build "$folder"
fi
echo "$folder/$name"
