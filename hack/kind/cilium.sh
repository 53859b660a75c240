#!/usr/bin/env bash
# Makes what enforces NetworkPolicies on the nodes of hack/kind.sh: the agent and the CNI plugin of Cilium from its Go
# module, and Debian's clang and bpftool with their libraries, since the agent compiles for the kernel that it meets.
# Standard output: one line, the folder, which nodes mount as /kit; all else goes to standard error.
source "$(dirname "${BASH_SOURCE[0]}")/cached.sh"

if [[ ${1:-} == --help ]]; then
  cat <<TXT
Usage: hack/kind/cilium.sh

Prints the folder with Cilium for the nodes of hack/kind.sh, which it makes once (5 to 15 minutes) and keeps in $cache.
TXT
  exit 0
fi

# The newest release that builds from Go modules alone.
version=1.15.19

build() { (cd "$here/cilium" && GOWORK=off go build -mod=readonly -tags osusergo -ldflags "-s -w -X github.com/cilium/cilium/pkg/version.ciliumVersion=$version" "$@"); }

# Fills the folder "$1".
make_kit() {
  local kit=$1 source program library
  export CGO_ENABLED=0
  echo "Building Cilium $version (once, 5 to 15 minutes on 2 cores)"
  mkdir "$kit"/{bin,lib,cni}
  build -o "$kit/bin/cilium-agent" github.com/cilium/cilium/daemon
  build -o "$kit/cni/cilium-cni" github.com/cilium/cilium/plugins/cilium-cni
  source=$(cd "$here/cilium" && GOWORK=off go list -mod=readonly -m -f '{{.Dir}}' github.com/cilium/cilium)
  cp -r --no-preserve=mode "$source/bpf" "$kit/bpf"
  cp -r --no-preserve=mode "$source/pkg/k8s/apis/cilium.io/client/crds" "$kit/crds"
  cp "$(readlink -f "$(command -v clang-16)")" "$kit/lib/clang.real"
  cp "$(readlink -f /usr/sbin/bpftool)" "$kit/lib/bpftool.real"
  for program in clang bpftool; do
    ldd "$kit/lib/$program.real" | grep -o '/[^ ]*' | grep -vE 'ld-linux|lib(c|m|pthread|dl|rt)\.so' |
      while read -r library; do cp -L "$library" "$kit/lib/"; done
    printf '#!/bin/sh\nLD_LIBRARY_PATH=/kit/lib exec /kit/lib/%s.real "$@"\n' "$program" >"$kit/bin/$program"
    chmod 755 "$kit/bin/$program"
  done
}

command -v go >/dev/null || fail 'Go was not found: install Go 1.26 or newer from https://go.dev/dl and put "go" on PATH'
need_packages clang-16 bpftool
cached kind-cilium "$(cat "${BASH_SOURCE[0]}" "$here"/cilium/*) $(go env GOVERSION GOARCH)" make_kit
