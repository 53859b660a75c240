#!/usr/bin/env bash
# Finds or builds the programs of a test control plane, or of whole nodes. Standard output: one line, the folder with
# etcd, kube-apiserver, kube-controller-manager and kubectl; progress and errors go to standard error.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)/kubernetes
cache=${XDG_CACHE_HOME:-${HOME:-${TMPDIR:-/tmp}}/.cache}/sallyport

programs='etcd kube-apiserver kube-controller-manager kubectl' name=kubernetes tags=

if [[ ${1:-} == --help ]]; then
  cat <<TXT
Usage: hack/kubernetes-build.sh [--nodes]

Prints the folder with etcd, kube-apiserver, kube-controller-manager and kubectl, which it builds once from
hack/kubernetes with Go and keeps in $cache. Only tests and hack/kube-apiserver.sh need them.
With --nodes also kube-scheduler, kube-proxy, kubelet and kubeadm, in another program: for hack/kind.sh.
TXT
  exit 0
fi

[[ ${1:-} == --nodes ]] && programs+=' kube-scheduler kube-proxy kubelet kubeadm' name=kubernetes-nodes tags=nodes

fail() {
  echo "Cannot build Kubernetes: $1" >&2
  exit 1
}

# One line about the build so far, whose messages are in the file "$1".
report() {
  local modules packages
  modules=$(grep -c '^go: downloading ' "$1") || true
  packages=$(grep -vc '^go: ' "$1") || true
  printf '%d:%02d min: %d modules fetched, %d packages compiled\n' \
    $((SECONDS / 60)) $((SECONDS % 60)) "$modules" "$packages" >&2
}

# Leaves nothing but a finished folder under the name "$1", even when it is killed.
build() {
  local work version compiler
  work=$(mktemp -d "$cache/build.XXXXXX")
  # shellcheck disable=SC2064 # the folder of now
  trap "rm -rf '$work'" EXIT
  version=$(sed -n 's|.*k8s.io/kubernetes \(v[0-9.]*\)$|\1|p' "$here/go.mod")
  echo "Building ${programs// /, } $version (once, 6 to 15 minutes on 2 cores)" >&2
  (cd "$here" && GOWORK=off exec go build -v -mod=readonly -trimpath -o "$work/kube" -tags "$tags" \
    -ldflags "-s -w -X k8s.io/component-base/version.gitVersion=$version") 9>&- >"$work/log" 2>&1 &
  compiler=$!
  # shellcheck disable=SC2064 # the process of now
  trap "kill $compiler 2>/dev/null || true; rm -rf '$work'" EXIT
  until timeout --foreground 30 tail -s 0.2 --pid="$compiler" -f /dev/null; do report "$work/log"; done
  if ! wait "$compiler"; then
    tail -n 15 "$work/log" >&2
    fail 'go build failed: read its messages above (it needs the Go module proxy and 3 GB of memory)'
  fi
  report "$work/log"
  for program in $programs; do ln -s kube "$work/$program"; done
  rm "$work/log"
  mv "$work" "$1"
}

command -v go >/dev/null || fail 'Go was not found: install Go 1.26 or newer from https://go.dev/dl and put "go" on PATH'
key=$({ go env GOVERSION GOOS GOARCH && cat "$here"/{go.mod,go.sum,*.go}; } | sha256sum | cut -c -16)
folder=$cache/$name-$key
if [[ ! -d $folder ]]; then
  mkdir -p "$cache"
  exec 9>"$cache/$name.lock"
  flock --nonblock 9 || { echo 'Waiting for another build of Kubernetes' >&2 && flock 9; }
  [[ -d $folder ]] || build "$folder"
fi
echo "$folder"
