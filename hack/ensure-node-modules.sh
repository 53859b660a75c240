#!/usr/bin/env bash
# Installs the packages of package-lock.json when they are missing or older than it. Progress goes to
# standard error. It never touches packages that are up to date.
set -euo pipefail

if [[ ${1:-} == --help ]]; then
  cat <<'TXT'
Usage: hack/ensure-node-modules.sh

Installs the packages when node_modules is missing, half installed or older than package-lock.json.
TXT
  exit 0
fi

cd "$(dirname "${BASH_SOURCE[0]}")/.."
installed=node_modules/.package-lock.json

reason() {
  if [[ ! -e $installed ]]; then
    echo 'node_modules is missing or incomplete'
  elif [[ $installed -ot package-lock.json ]]; then
    echo 'node_modules is older than package-lock.json'
  elif ! node_modules/.bin/node --version >/dev/null 2>&1; then
    echo 'node_modules has no Node.js that runs on this machine'
  fi
}

why=$(reason)
[[ -n $why ]] || exit 0

if ! command -v npm >/dev/null; then
  echo 'Cannot install the packages: npm was not found: install Node.js 20 or newer' >&2
  exit 1
fi
echo "Installing packages ($why)..." >&2
# Not "npm ci": it rejects a lock file without the builds for foreign platforms, which not every mirror has.
npm install --no-save --no-progress >&2
why=$(reason)
if [[ -n $why ]]; then
  echo "Cannot use the installed packages ($why): run \"npm install --no-save\" and read its messages" >&2
  exit 1
fi
echo 'Packages are installed' >&2
