#!/usr/bin/env bash
# The end-to-end suite on a cluster with nodes: on the one that KUBECONFIG names, or on one that is made for it by
# hack/kind.sh and removed afterwards. The last line is "N passed, N failed, N skipped".
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

usage() {
  cat <<'TXT'
Usage: hack/test-e2e.sh [--keep] [--only cilium|default-mode|bridge] [JEST ARGUMENT...]

Three rounds, each on a new cluster of two nodes: everything on Cilium; what is open and closed in Cilium's default CIDR
mode; and the negative control on a bridge, which enforces nothing. --keep leaves the last cluster for people.
TXT
}

keep=false only=
while [[ $# -gt 0 ]]; do
  case $1 in
    --help) usage && exit 0 ;;
    --keep) keep=true && shift ;;
    --only) only=$2 && shift 2 ;;
    *) break ;;
  esac
done

bash hack/ensure-node-modules.sh
PATH=$PWD/node_modules/.bin:$PATH
counts=$(mktemp)
passed=0 failed=0 skipped=0

finish() {
  rm -f "$counts"
  $keep || bash hack/kind.sh down >&2 || true
  echo "$passed passed, $failed failed, $skipped skipped"
  [[ $failed -eq 0 && $passed -gt 0 ]] && exit 0 || exit 1
}
trap finish EXIT
trap 'exit 130' INT TERM

# On the present cluster: the files whose names match, and what remains of the arguments.
tests() {
  local status=0 p=0 f=0 s=0
  : >"$counts"
  CLOSING_COUNTS_FILE=$counts node --experimental-vm-modules --disable-warning=ExperimentalWarning \
    node_modules/jest/bin/jest.js --config test/nodes/jest.config.js "$@" </dev/null || status=$?
  [[ -s $counts ]] && read -r p f s <"$counts"
  [[ $status -eq 0 || $f -gt 0 ]] || f=1
  passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
}

# A new cluster with our images on it.
cluster() {
  bash hack/kind.sh down >&2
  bash hack/kind.sh up --nodes 2 "$@" >&2
  eval "$(bash hack/kind.sh env)"
  bash hack/kind.sh load "$images"/*.tar >&2
}

round() { [[ -z $only || $only == "$1" ]] && echo "== $1"; }

PATH=$(dirname "$(bash hack/go-tool.sh helm)"):$PATH
images=$(bash hack/images.sh)
if round cilium; then
  cluster --cni cilium --cidr-mode nodes
  CNI=cilium tests "$@"
fi
if round default-mode; then
  cluster --cni cilium --cidr-mode default
  CNI=cilium API_SERVER_EGRESS=anyAddress tests --testPathPatterns '10-|50-'
fi
if round bridge; then
  cluster --cni bridge
  CNI=bridge tests --testPathPatterns '10-|50-'
fi
