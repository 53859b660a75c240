#!/usr/bin/env bash
# Official clients of Databricks, and schemathesis, against a running REST API. Keeps what it installs in the cache
# directory. The last line is "N passed, N failed".
set -euo pipefail

if [[ ${1:-} == --help ]]; then
  cat <<'TXT'
Usage: hack/test-api.sh [SEED]

Installs databricks-sdk and schemathesis (hack/api-clients-requirements.txt) into a virtual environment once, and runs
them, and Databricks' SDK for JavaScript, against a REST API over a folder. SEED is that of schemathesis.
TXT
  exit 0
fi

cd "$(dirname "${BASH_SOURCE[0]}")/.."
bash hack/ensure-node-modules.sh
export PATH="$PWD/node_modules/.bin:$PATH"
requirements=hack/api-clients-requirements.txt
cache=${XDG_CACHE_HOME:-${HOME:-${TMPDIR:-/tmp}}/.cache}/sallyport
venv=$cache/api-clients-$(sha256sum "$requirements" | cut -c 1-12)

if [[ ! -e $venv/complete ]]; then
  rm -rf "$venv"
  mkdir -p "$cache"
  python3 -m venv "$venv"
  "$venv/bin/pip" install --quiet --requirement "$requirements" >&2
  touch "$venv/complete"
fi

exec node test/api/clients/main.ts "$venv/bin" "${1:-13}"
