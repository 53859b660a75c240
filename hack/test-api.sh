#!/usr/bin/env bash
# Official clients of Databricks, and schemathesis, against a running REST API. Keeps what it installs in the cache
# directory. The last line is "N passed, N failed".
set -euo pipefail

if [[ ${1:-} == --help ]]; then
  cat <<'TXT'
Usage: hack/test-api.sh [SEED]

Installs databricks-sdk and schemathesis (hack/api-clients-requirements.txt) into a virtual environment once, and runs
them, and Databricks' SDKs for JavaScript and, where there are a JDK and Maven, for Java, against a REST API over a
folder. SEED is that of schemathesis.
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

pom=$PWD/test/api/clients/java/pom.xml
jars=$cache/api-clients-java-$(sha256sum "$pom" | cut -c 1-12)
if command -v java mvn >/dev/null && [[ ! -e $jars/complete ]]; then
  rm -rf "$jars"
  mvn --batch-mode --quiet --file "$pom" org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies \
    -DincludeScope=runtime "-DoutputDirectory=$jars" >&2
  touch "$jars/complete"
fi
[[ -e $jars/complete ]] || echo 'No JDK with Maven here: the SDK for Java is left out' >&2

exec node test/api/clients/main.ts "$venv/bin" "$jars" "${1:-13}"
