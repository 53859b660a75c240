#!/usr/bin/env bash
# All checks and tests: installs what is missing, then types, lint, format and all tests. The last line
# of standard output is "N passed, N failed, N skipped", whatever happened; a failed check counts as a failure.
set -uo pipefail

if [[ ${1:-} == --help ]]; then
  cat <<'TXT'
Usage: hack/test.sh [JEST ARGUMENT...]

Installs packages, Envoy, reverse proxies and ClickHouse's engine, and builds Kubernetes and Helm where they are missing
(with Go, once), runs the checks of hack/check.sh and then the tests.
Arguments go to jest: hack/test.sh operator/model runs the tests of that folder only.
TXT
  exit 0
fi

cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1
counts=$(mktemp) || exit 1
failed_checks=0

# Adds the failed checks to jest's counts, prints the closing line and sets the exit status.
# A run that failed, or in which nothing passed, has at least one failure.
finish() {
  local jest_status=$? passed=0 failed=0 skipped=0
  [[ -s $counts ]] && read -r passed failed skipped <"$counts"
  rm -f "$counts"
  failed=$((failed + failed_checks))
  if [[ $failed -eq 0 && ($jest_status -ne 0 || $passed -eq 0) ]]; then failed=1; fi
  echo 'Not run, since they have scripts of their own: npm run test:e2e, test:alerts, test:api, test:otlp, test:s3, clients, attack, bench'
  echo "$passed passed, $failed failed, $skipped skipped"
  [[ $failed -eq 0 ]] && exit 0 || exit 1
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

echo '== Packages'
bash hack/ensure-node-modules.sh || exit 1
echo '== Envoy'
envoy=$(bash hack/envoy.sh) || exit 1
echo "$envoy"
PATH=$PWD/node_modules/.bin:$(dirname "$envoy"):$PATH
export PATH
# Programs that tests start begin in half of the time when they were compiled before.
export NODE_COMPILE_CACHE=${NODE_COMPILE_CACHE:-$PWD/node_modules/.cache/node}

echo '== Reverse proxies'
bash hack/reverse-proxies.sh || exit 1

echo '== Kubernetes'
bash hack/kubernetes-build.sh 2>&1 || exit 1

echo '== Helm'
bash hack/go-tool.sh helm 2>&1 || exit 1

echo '== ClickHouse'
bash hack/chdb.sh 2>&1 || exit 1

echo '== Checks'
bash hack/check.sh --without-tests
failed_checks=$?

echo '== Tests'
CLOSING_COUNTS_FILE=$counts bash hack/with-low-ports.sh \
  node --experimental-vm-modules --disable-warning=ExperimentalWarning \
  node_modules/jest/bin/jest.js "$@" 2>&1 </dev/null
exit $?
