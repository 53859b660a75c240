#!/usr/bin/env bash
# The chart's alerts, judged by Prometheus' promtool, which is built once. The last line is "N passed, N failed,
# N skipped".
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

if [[ ${1:-} == --help ]]; then
  echo 'Usage: hack/test-alerts.sh [JEST ARGUMENT...]'
  exit 0
fi

bash hack/ensure-node-modules.sh
PATH=$PWD/node_modules/.bin:$PATH
bash hack/go-tool.sh promtool >&2
exec node --experimental-vm-modules --disable-warning=ExperimentalWarning node_modules/jest/bin/jest.js \
  --config test/alerts/jest.config.js "$@" </dev/null
