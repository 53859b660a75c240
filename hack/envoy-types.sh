#!/usr/bin/env bash
# Writes the descriptors of the Envoy types that this project uses; with them the gateway encodes Envoy's resources.
set -euo pipefail

if [[ ${1:-} == --help ]]; then
  cat <<'TXT'
Usage: hack/envoy-types.sh [--if-changed]

Writes operator/gateway/xds/envoy-types.binpb.gz from the types in hack/envoy-types/types.txt, with Go and the Go module
proxy, and the hashes of both and of all that made them. With --if-changed only where those hashes no longer agree, so
that "npm run generate" needs Go after a change of types.txt or of the version in hack/envoy-types/go.mod, and else not.
TXT
  exit 0
fi

cd "$(dirname "${BASH_SOURCE[0]}")/.."
here=hack/envoy-types
types=operator/gateway/xds/envoy-types.binpb.gz
sums=$here/made-from.sha256

fail() {
  echo "Cannot write $types: $1" >&2
  exit 1
}

version=$(sed -n 's/^version=//p' hack/envoy.sh)
grep -qE "/go-control-plane/envoy v${version//./\\.}\$" $here/go.mod ||
  fail "$here/go.mod is of another Envoy than hack/envoy.sh, which says $version: change it with \"go get\""
if [[ ${1:-} == --if-changed ]] && sha256sum --check --status $sums; then exit 0; fi
command -v go >/dev/null || fail "what it is made from has changed, and Go is missing: install Go, or undo that change"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp $here/{go.mod,go.sum,main.go,types.txt} "$work"
# Go's package follows from the name: envoy.config.listener.v3.Listener is in .../envoy/config/listener/v3.
{
  printf 'package main\n\nimport (\n'
  sed -E 's#\.[^.]+$##; s#\.#/#g; s#^xds/#github.com/cncf/xds/go/&#; s#^envoy/#github.com/envoyproxy/go-control-plane/&#; s#.*#\t_ "&"#' \
    $here/types.txt | sort -u
  printf ')\n'
} >"$work/imports.go"
(cd "$work" && GOWORK=off go build -mod=readonly -o envoy-types .)
mapfile -t names <$here/types.txt
"$work/envoy-types" "${names[@]}" | gzip -9n >"$work/out"
mv "$work/out" $types
sha256sum hack/envoy-types.sh $here/{go.mod,go.sum,main.go,types.txt} $types >$sums
