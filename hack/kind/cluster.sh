#!/usr/bin/env bash
# Sourced by hack/kind.sh: starts and ends its cluster. Reads engine (docker or podman), nodes, cni and cidr_mode.
# shellcheck disable=SC2154 # set where this is sourced
source "$(dirname "${BASH_SOURCE[0]}")/cached.sh"

cluster=sallyport
state=$cache/kind-cluster

# Runs a command where the engine's containers are reachable.
on_host() {
  local PATH=$state/bin:$PATH
  if [[ $engine == docker ]]; then "$@"; else bash "$here/host.sh" run "$@"; fi
}

# kind, with its messages only where it fails: it names podman in each.
run_kind() { on_host kind "$@" 2>"$state/messages" || { cat "$state/messages" >&2 && return 1; }; }

in_node() { on_host "$engine" exec --interactive "$@"; }

is_up() { [[ -s $state/engine && -n $(on_host kind get nodes --name "$cluster" 2>/dev/null) ]]; }

must_be_up() { is_up || fail 'the cluster is not up: run "hack/kind.sh up"'; }

# Links the program "$1" to the path "$2" where env and run find it.
link() { ln -sfn "$2" "$state/bin/$1"; }

cluster_config() {
  cat <<Y
kind: Cluster
apiVersion: kind.x-k8s.io/v1alpha4
networking:
  # kindnet comes from a registry, and enforces its own way; kind/network.sh takes its place.
  disableDefaultCNI: true
  kubeProxyMode: nftables
  apiServerPort: $port
kubeadmConfigPatches:
- |
  kind: KubeletConfiguration
  failCgroupV1: false
  oomScoreAdj: 0
  # Otherwise an image that a pod asked for before "load" brought it would be pulled again and again.
  imagePullCredentialsVerificationPolicy: NeverVerify
- |
  kind: KubeProxyConfiguration
  oomScoreAdj: 0
${own_image:+- |
  kind: ClusterConfiguration
  imageRepository: $image_repository}
nodes:
Y
  local number role=control-plane
  for number in $(seq "$nodes"); do
    echo "- role: $role"
    [[ -z $own_image ]] || echo "  image: $own_image"
    [[ -z $kit ]] || printf '  extraMounts: [{hostPath: %s, containerPath: /kit, readOnly: true}]\n' "$kit"
    role=worker
  done
}

# The API server's port is the same on this machine as in the private host: a relay at both ends of a Unix socket.
relay() {
  local node=$root/node_modules/.bin/node socket=$cache/kind-host/relay.sock
  bash "$root/hack/ensure-node-modules.sh"
  setsid "$node" "$here/relay.ts" 0 "$socket" >"$cache/kind-host/relay.port" 2>&1 </dev/null 8>&- &
  echo $! >"$cache/kind-host/relay.pid"
  until [[ -s $cache/kind-host/relay.port ]]; do sleep 0.1; done
  port=$(<"$cache/kind-host/relay.port")
  on_host setsid "$node" "$here/relay.ts" "$socket" "$port" >/dev/null 2>&1 </dev/null &
}

pod_network() {
  local node file
  printf 'cni=%q cidr_mode=%q\n' "$cni" "${cidr_mode/default/}" >"$state/settings"
  run_kind get kubeconfig --internal --name "$cluster" >"$state/kubeconfig.internal"
  if [[ -n $kit ]]; then
    on_host kubectl create -f "$kit/crds/v2" -f "$kit/crds/v2alpha1" >"$state/messages" 2>&1 ||
      { cat "$state/messages" >&2 && fail "the kinds of Cilium could not be created: read the messages above"; }
  fi
  for node in $(run_kind get nodes --name "$cluster"); do
    in_node "$node" mkdir -p /kind/network
    in_node "$node" tee /kind/network/network.sh <"$here/network.sh" >/dev/null
    in_node "$node" tee /kind/network/settings <"$state/settings" >/dev/null
    in_node "$node" tee /kind/network/kubeconfig <"$state/kubeconfig.internal" >/dev/null
    in_node "$node" tee /etc/systemd/system/pod-network.service <"$here/pod-network.service" >/dev/null
    in_node "$node" systemctl enable --quiet --now pod-network
  done
  rm "$state/kubeconfig.internal"
}

up() {
  local kit='' own_image='' port=0 image about="$nodes nodes, $cni, $engine"
  [[ $cni == bridge ]] || about="$nodes nodes, $cni in CIDR mode $cidr_mode, $engine"
  if is_up; then
    [[ $(<"$state/about") == "$about" ]] ||
      fail "the cluster is up already, with $(<"$state/about"): run \"hack/kind.sh down\" first"
    echo "The cluster is up already: $about" >&2
    return
  fi
  rm -rf "$state" && mkdir -p "$state/bin"
  link kind "$(bash "$root/hack/go-tool.sh" kind)"
  link kubectl "$(bash "$root/hack/kubernetes-build.sh" --nodes)/kubectl"
  link helm "$(bash "$root/hack/go-tool.sh" helm)"
  [[ $cni == bridge ]] || kit=$(bash "$here/cilium.sh")
  if [[ $engine == podman ]]; then
    image=$(bash "$here/node-image.sh")
    own_image=localhost/kindest/node:$(<"$image/version")
    bash "$here/host.sh" up "$image/storage"
    relay
  fi
  export KUBECONFIG=$state/kubeconfig
  cluster_config >"$state/config.yaml"
  echo "$engine" >"$state/engine"
  echo "$about" >"$state/about"
  # Its steps, and what went wrong; not its greetings.
  on_host kind create cluster --name "$cluster" --config "$state/config.yaml" 2>&1 | sed -nE '/^ *[✓✗] /p; /^ERROR/,$p' >&2 ||
    fail 'kind could not create the cluster: read its messages above, run "hack/kind.sh down" and try again'
  pod_network
  # Pods may run on all nodes, as with one.
  [[ $nodes -eq 1 ]] || on_host kubectl taint node "$cluster-control-plane" node-role.kubernetes.io/control-plane- >/dev/null
  echo 'Waiting for the nodes' >&2
  on_host kubectl wait --for=condition=Ready node --all --timeout=300s >/dev/null
  on_host kubectl -n kube-system rollout status deployment/coredns --timeout=300s >/dev/null
  cat >&2 <<TXT
The cluster is up: $about, after $SECONDS s. Next:
  eval "\$(hack/kind.sh env)"
  kubectl get node
TXT
}

# Podman gives a container that starts again another address, by which pods that stay would be lost to Cilium.
restart_node() {
  local v4 v6
  v4=$(on_host "$engine" inspect "$1" --format '{{.NetworkSettings.Networks.kind.IPAddress}}')
  v6=$(on_host "$engine" inspect "$1" --format '{{.NetworkSettings.Networks.kind.GlobalIPv6Address}}')
  on_host "$engine" stop "$1" >/dev/null
  if [[ $engine == podman ]]; then
    on_host podman network disconnect kind "$1"
    on_host podman network connect --ip "$v4" --ip6 "$v6" kind "$1"
  fi
  on_host "$engine" start "$1" >/dev/null
}

down() {
  [[ $engine == podman || ! -s $state/engine ]] || run_kind delete cluster --name "$cluster" >&2
  [[ $UID -ne 0 ]] || bash "$here/host.sh" down
  rm -rf "$state"
  echo 'The cluster is down' >&2
}
