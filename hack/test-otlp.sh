#!/usr/bin/env bash
# Denials as OTLP logs to a real OpenTelemetry Collector, which is built once. The last line is "N passed, N failed,
# N skipped".
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

if [[ ${1:-} == --help ]]; then
  echo 'Usage: hack/test-otlp.sh [JEST ARGUMENT...]'
  exit 0
fi

bash hack/ensure-node-modules.sh
PATH=$PWD/node_modules/.bin:$PATH
bash hack/otel-collector.sh >&2
exec node --experimental-vm-modules --disable-warning=ExperimentalWarning node_modules/jest/bin/jest.js \
  --config test/otlp/jest.config.js "$@" </dev/null
