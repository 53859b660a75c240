#!/usr/bin/env bash
# A local Kubernetes API server without nodes, for trying Sallyport out. Started by the same code as those of
# the tests. Needs no root; only "up" builds anything.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
state=$root/.sallyport-kubernetes

usage() {
  cat <<TXT
Usage: hack/kube-apiserver.sh up|down|env [--state DIR]

up    starts etcd, kube-apiserver and kube-controller-manager on free ports of 127.0.0.1
env   prints KUBECONFIG and PATH for: eval "\$(hack/kube-apiserver.sh env)"
down  kills them and removes DIR, with all that is stored in it

DIR is $state unless named. The first "up" builds Kubernetes, which takes minutes and needs Go.
TXT
}

fail() {
  echo "Cannot go on: $1" >&2
  exit 1
}

# The process ids of our programs that still run.
running() {
  local file id
  for file in "$state"/*.pid; do
    [[ -f $file ]] || continue
    id=$(<"$file")
    # The number may have gone to another process since: ours name the folder in their arguments.
    if ps -o args= -p "$id" | grep -qF -- "$state/"; then echo "$id"; fi
  done
}

up() {
  [[ -z $(running) ]] || { echo "The API server is up already: $state/kubeconfig" && return; }
  [[ ! -e $state || -f $state/kubeconfig ]] || fail "\"$state\" is something else: name another folder with --state"
  rm -rf "$state"
  bash "$root/hack/ensure-node-modules.sh"
  bash "$root/hack/kubernetes-build.sh" >/dev/null
  "$root/node_modules/.bin/node" "$root/hack/kube-apiserver.ts" "$state"
  cat <<TXT
The API server is up. Next:
  eval "\$(hack/kube-apiserver.sh env --state '$state')"
  kubectl apply --server-side -f crds/ && kubectl wait --for condition=Established -f crds/
TXT
}

down() {
  [[ -f $state/kubeconfig ]] || { echo "Nothing is up in $state" && return; }
  local ids
  ids=$(running)
  # shellcheck disable=SC2086 # several
  [[ -z $ids ]] || kill -KILL $ids
  until [[ -z $(running) ]]; do sleep 0.1; done
  rm -rf "$state"
  echo 'The API server is down'
}

command=${1:-}
[[ $command == --help || ${2:-} == --help ]] && usage && exit 0
if [[ ${2:-} == --state && -n ${3:-} ]]; then state=$(realpath -m -- "$3"); elif [[ $# -ne 1 ]]; then command=; fi
case $command in
  up | down) "$command" ;;
  env)
    [[ -n $(running) ]] || fail 'the API server is not up: run "hack/kube-apiserver.sh up"'
    printf 'export KUBECONFIG=%q PATH=%q:"$PATH"\n' "$state/kubeconfig" "$(bash "$root/hack/kubernetes-build.sh")"
    ;;
  *) usage >&2 && exit 2 ;;
esac
