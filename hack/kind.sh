#!/usr/bin/env bash
# The one way to a cluster with nodes, for people and for tests: kind, with Docker and kind's own node image where Docker
# is there, or else with podman and a node image made here from packages (hack/kind/).
source "$(dirname "${BASH_SOURCE[0]}")/kind/cluster.sh"

nodes=2 cni=cilium cidr_mode=nodes

usage() {
  cat <<TXT
Usage: hack/kind.sh up [--nodes N] [--cni cilium|bridge] [--cidr-mode nodes|default]
       hack/kind.sh env | load ARCHIVE... | restart NODE | run COMMAND [ARGUMENT...] | down

up      starts the cluster "$cluster": $nodes nodes unless said otherwise, the first with the control plane
env     prints KUBECONFIG and PATH for: eval "\$(hack/kind.sh env)"; then kubectl works as usual
load    brings image archives to all nodes, such as those of hack/images.sh
restart restarts a node, which keeps its address, such as $cluster-worker
run     runs COMMAND where addresses of nodes, pods and Services can be reached; \$ENGINE there is docker or podman,
        for example: hack/kind.sh run sh -c '\$ENGINE pause $cluster-worker'
down    removes the cluster and all traces of it

Cilium enforces NetworkPolicies; the bridge enforces none. An "ipBlock" matches nodes too with --cidr-mode nodes;
"default" is Cilium's own mode, in which it never does.
Without Docker this needs root, Debian's packages and Go, and the first "up" takes 10 to 40 minutes; later ones one.
TXT
}

command=${1:-}
[[ $command == --help || ${2:-} == --help ]] && usage && exit 0
[[ $# -eq 0 ]] || shift
if [[ -s $state/engine ]]; then engine=$(<"$state/engine"); else
  engine=podman
  if docker info >/dev/null 2>&1; then engine=docker; fi
fi
[[ $engine == docker || $UID -eq 0 ]] || fail 'there is no Docker that answers: start it, or run this as root'
export KUBECONFIG=$state/kubeconfig ENGINE=$engine

case $command in
  up)
    while [[ $# -gt 0 ]]; do
      case $1=${2:-} in
        --nodes=[1-9]) nodes=$2 ;;
        --cni=cilium | --cni=bridge) cni=$2 ;;
        --cidr-mode=nodes | --cidr-mode=default) cidr_mode=$2 ;;
        *) usage >&2 && exit 2 ;;
      esac
      shift 2
    done
    [[ $engine == docker ]] || need_packages podman netavark aardvark-dns runc iptables
    up
    ;;
  down) down ;;
  env)
    must_be_up
    printf 'export KUBECONFIG=%q PATH=%q:"$PATH"\n' "$KUBECONFIG" "$state/bin"
    ;;
  load)
    must_be_up
    for archive in "$@"; do
      [[ -f $archive ]] || fail "there is no file \"$archive\": name archives, such as those in the folder that hack/images.sh prints"
      echo "Loading $(basename "$archive") into the nodes" >&2
      run_kind load image-archive --name "$cluster" "$archive"
    done
    ;;
  restart)
    must_be_up
    [[ $# -eq 1 ]] || { usage >&2 && exit 2; }
    restart_node "$1"
    ;;
  run)
    must_be_up
    on_host "$@"
    ;;
  *) usage >&2 && exit 2 ;;
esac
