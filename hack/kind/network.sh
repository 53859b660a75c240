#!/usr/bin/env bash
# In every node of hack/kind.sh, as its service "pod-network": gives pods addresses and routes between nodes, with
# Cilium's agent, which enforces NetworkPolicies, or with a plain bridge, which enforces none. Starts again with the node.
# Reads $here/settings (cni, cidr_mode) and $here/kubeconfig.
set -euo pipefail

here=$(dirname "${BASH_SOURCE[0]}")
# shellcheck source=/dev/null
source "$here/settings"
export KUBECONFIG=$here/kubeconfig
own=$(hostname)

# Node name, range of its pods, address.
nodes() {
  kubectl get nodes "$@" --no-headers \
    -o 'custom-columns=NAME:.metadata.name,PODS:.spec.podCIDR,ADDRESS:.status.addresses[?(@.type=="InternalIP")].address'
}

# Where the node image has no bridge (kind's own), a link for each pod does the same.
bridge() {
  local range=$1 plugin='"type":"bridge","bridge":"cni0","isGateway":true,"hairpinMode":true'
  [[ -x /opt/cni/bin/bridge ]] || plugin='"type":"ptp"'
  cat >/etc/cni/net.d/10-bridge.conflist <<JSON
{"cniVersion":"1.0.0","name":"bridge","plugins":[
 {$plugin,"ipMasq":true,"ipam":{"type":"host-local","ranges":[[{"subnet":"$range"}]],"routes":[{"dst":"0.0.0.0/0"}]}},
 {"type":"portmap","capabilities":{"portMappings":true}}]}
JSON
  nodes --watch | while read -r name pods address; do
    [[ $name == "$own" || $pods == '<none>' ]] || ip route replace "$pods" via "$address"
  done
}

# Without CONFIG_MODULES a kernel has no /proc/modules, and Cilium's agent refuses to start. So it gets, in a mount
# namespace of its own, a /proc of links to the real one, with an empty "modules".
with_proc_modules() {
  [[ ! -e /proc/modules ]] || exec "$@"
  # shellcheck disable=SC2016 # of the inner shell
  exec unshare --mount --propagation slave bash -euc '
    mkdir -p /run/realproc && mount --bind /proc /run/realproc && mount -t tmpfs proc /proc
    for entry in /run/realproc/*; do [[ ${entry##*/} == [0-9]* ]] || ln -s "$entry" /proc/; done
    seq -f /run/realproc/%.0f 1 30000 | xargs ln -s -t /proc
    touch /proc/modules
    exec "$@"' - "$@"
}

cilium() {
  export PATH=/kit/bin:$PATH K8S_NODE_NAME=$own
  cp /kit/cni/cilium-cni /opt/cni/bin/
  # The agent writes into it.
  rm -rf /run/ciliumlib && mkdir -p /run/cilium /run/ciliumlib && cp -r /kit/bpf /run/ciliumlib/
  mountpoint -q /sys/fs/bpf || mount -t bpf bpf /sys/fs/bpf
  (
    until curl -sf -H 'brief: true' -o /dev/null http://127.0.0.1:16879/healthz; do sleep 0.2; done
    echo '{"cniVersion":"0.3.1","name":"cilium","plugins":[{"type":"cilium-cni","enable-debug":false,"log-file":"/run/cilium/cni.log"}]}' \
      >/etc/cni/net.d/05-cilium.conflist
  ) &
  # Native routing, and nothing that takes over more than the pods: kube-proxy stays, and so do the host's routes.
  with_proc_modules cilium-agent --k8s-kubeconfig-path="$KUBECONFIG" --lib-dir=/run/ciliumlib --state-dir=/run/cilium \
    --socket-path=/run/cilium/cilium.sock --cluster-name=sallyport --enable-ipv6=false --ipam=kubernetes \
    --k8s-require-ipv4-pod-cidr=true --routing-mode=native --ipv4-native-routing-cidr=10.244.0.0/16 \
    --auto-direct-node-routes=true --enable-ipv4-masquerade=false --enable-bpf-masquerade=false \
    --kube-proxy-replacement=false --enable-l7-proxy=false --enable-hubble=false --enable-policy=default \
    --identity-allocation-mode=crd --cgroup-root=/run/cilium/cgroupv2 --devices=eth0 --enable-host-legacy-routing=true \
    --enable-health-checking=false --enable-endpoint-health-checking=false --agent-health-port=16879 \
    --enable-health-check-nodeport=false --enable-session-affinity=false --prometheus-serve-addr= \
    --disable-envoy-version-check=true --preallocate-bpf-maps=false --enable-local-redirect-policy=false \
    --enable-cilium-endpoint-slice=false --install-no-conntrack-iptables-rules=false \
    ${cidr_mode:+--policy-cidr-match-mode="$cidr_mode"}
}

until range=$(nodes | awk -v own="$own" '$1 == own { print $2 }') && [[ $range == */* ]]; do sleep 0.5; done
case $cni in
  bridge) bridge "$range" ;;
  cilium) cilium ;;
esac
