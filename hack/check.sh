#!/usr/bin/env bash
# The checks that every change passes. Runs all steps even when one fails, and prints one line for each.
# The exit status is the number of steps that failed.
set -uo pipefail

if [[ ${1:-} == --help ]]; then
  cat <<'TXT'
Usage: hack/check.sh [--without-tests]

Checks types, lint rules, format, unused code and architecture. The exit status is the number of failed steps.
With --without-tests it leaves out the architecture test, which "npm test" runs with all others.
TXT
  exit 0
fi

cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1
bash hack/ensure-node-modules.sh || exit 1
export PATH="$PWD/node_modules/.bin:$PATH"
failed=0

# Runs a command under a name. Its output shows only when it fails; the last argument says what to do then.
step() {
  local name=$1 advice=$2 output started=$SECONDS
  shift 2
  if output=$("$@" 2>&1 </dev/null); then
    echo "ok      $name ($((SECONDS - started)) s)"
  else
    failed=$((failed + 1))
    printf '%s\nfailed  %s: %s\n' "$output" "$name" "$advice"
  fi
}

# It keeps one core busy for longer than the others take together.
(
  step lint 'correct what eslint names' eslint --max-warnings 0 .
  exit "$failed"
) &
lint=$!
step types 'correct what the compiler names' tsc -p .
step format 'run "npm run format"' biome check --error-on-warnings .
step unused 'delete it, or drop "export" where only the file uses it' knip --no-progress
step generated 'look at the new files and commit them' \
  bash hack/generated-is-current.sh crds charts/sallyport/generated charts/plain/generated hack/envoy-types docs
wait "$lint" || failed=$((failed + 1))
if [[ ${1:-} != --without-tests ]]; then
  step architecture 'each finding names the file and what to do' \
    node --experimental-vm-modules --disable-warning=ExperimentalWarning \
    node_modules/jest/bin/jest.js test/architecture.test.ts
fi
exit "$failed"
