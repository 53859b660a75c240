#!/usr/bin/env bash
# Writes the descriptors of the Envoy types that this project uses; with them the gateway encodes Envoy's resources.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

if [[ ${1:-} == --help ]]; then
  cat <<'TXT'
Usage: hack/envoy-types.sh

Writes operator/gateway/xds/envoy-types.binpb.gz from the types in hack/envoy-types/types.txt. Needs Go and the Go
module proxy. Run it after a change of types.txt or of the version in hack/envoy-types/go.mod, and commit the result.
TXT
  exit 0
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp "$here"/envoy-types/{go.mod,go.sum,main.go,types.txt} "$work"
cd "$work"
# Go's package follows from the name: envoy.config.listener.v3.Listener is in .../envoy/config/listener/v3.
{
  printf 'package main\n\nimport (\n'
  sed -E 's#\.[^.]+$##; s#\.#/#g; s#^xds/#github.com/cncf/xds/go/&#; s#^envoy/#github.com/envoyproxy/go-control-plane/&#; s#.*#\t_ "&"#' \
    types.txt | sort -u
  printf ')\n'
} >imports.go
GOWORK=off go build -mod=readonly -o envoy-types .
mapfile -t types <types.txt
./envoy-types "${types[@]}" | gzip -9n >out
mv out "$here/../operator/gateway/xds/envoy-types.binpb.gz"
