#!/usr/bin/env bash
# Finds nginx and HAProxy, which tests put in front of /authorize; installs them from Debian's packages, without
# starting them, where they are missing and this user may. Says what is there; fails only with CI set.
set -uo pipefail

if [[ ${1:-} == --help ]]; then
  cat <<'TXT'
Usage: hack/reverse-proxies.sh

Installs nginx and HAProxy with apt-get where they are missing, and prints where they are. Tests that need one that is
missing are left out; with CI set, that is a failure.
TXT
  exit 0
fi

PATH=$PATH:/usr/sbin
if ! { command -v nginx && command -v haproxy; } >/dev/null && [[ $(id -u) -eq 0 ]] && command -v apt-get >/dev/null; then
  export DEBIAN_FRONTEND=noninteractive RUNLEVEL=1
  { apt-get update && apt-get install --yes --no-install-recommends nginx-light haproxy; } >/dev/null 2>&1 </dev/null
fi
missing=0
for name in nginx haproxy; do
  command -v "$name" || { echo "$name: not here, its tests are left out"; missing=1; }
done
[[ $missing -eq 0 || -z ${CI:-} ]]
