#!/usr/bin/env bash
# A suite that needs a program of others, which is built once. The last line is "N passed, N failed, N skipped".
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

usage() {
  cat <<'TXT'
Usage: hack/test-suite.sh SUITE [JEST ARGUMENT...]

SUITE is one of:
  alerts  the chart's alerts, judged by Prometheus' promtool
  otlp    denials as OTLP logs to a real OpenTelemetry Collector
  s3      denials exported to a real server that speaks the protocol of S3
TXT
}

suite=${1:-}
case $suite in
  alerts) build=(hack/go-tool.sh promtool) ;;
  otlp) build=(hack/otel-collector.sh) ;;
  s3) build=(hack/go-tool.sh versitygw) ;;
  --help) usage; exit 0 ;;
  *) echo "Cannot run suite \"$suite\"" >&2; usage >&2; exit 2 ;;
esac

bash hack/ensure-node-modules.sh
PATH=$PWD/node_modules/.bin:$PATH
bash "${build[@]}" >&2
exec node --experimental-vm-modules --disable-warning=ExperimentalWarning node_modules/jest/bin/jest.js \
  --config "test/$suite/jest.config.js" "${@:2}" </dev/null
