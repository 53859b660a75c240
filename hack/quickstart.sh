#!/usr/bin/env bash
# Runs Sallyport from a fresh clone: installs what is missing, then runs
# examples/quickstart/main.ts, with its arguments.
set -euo pipefail

if [[ ${1:-} == --help ]]; then
  cat <<'TXT'
Usage: hack/quickstart.sh [ARGUMENT...]

Installs packages and Envoy where they are missing and runs examples/quickstart/main.ts ARGUMENT...
TXT
  exit 0
fi

cd "$(dirname "${BASH_SOURCE[0]}")/.."
bash hack/ensure-node-modules.sh
envoy=$(bash hack/envoy.sh)
PATH=$PWD/node_modules/.bin:$(dirname "$envoy"):$PATH
export PATH
exec bash hack/with-low-ports.sh node examples/quickstart/main.ts "$@"
