#!/usr/bin/env bash
# A private host for podman and kind: network, mounts and processes of its own, so that nothing of theirs touches the
# machine's firewall, routes or mounts. Must leave nothing behind, however it ends.
source "$(dirname "${BASH_SOURCE[0]}")/cached.sh"

state=$cache/kind-host
# Of cgroups: everything lives below these, so that it can be found and removed again.
group=sallyport-kind
own_sysctls='vm.overcommit_memory kernel.panic kernel.panic_on_oops'

if [[ $# -eq 0 || $1 == --help ]]; then
  cat <<TXT
Usage: hack/kind/host.sh up IMAGES | run COMMAND [ARGUMENT...] | down

up    makes it anew; podman finds images in the folder IMAGES too
run   runs COMMAND in it, as process 1 would
down  kills all that runs there, removes $state, and puts settings of the machine back
TXT
  [[ ${1:-} == --help ]] && exit 0 || exit 2
fi

is_up() { [[ -s $state/pid ]] && [[ -e /proc/$(<"$state/pid")/ns/net ]] && ! [[ $(readlink "/proc/$(<"$state/pid")/ns/net") == $(readlink /proc/self/ns/net) ]]; }

# The root of each hierarchy of cgroups: one with version 2, one for each controller with version 1.
hierarchies() {
  local folder
  [[ ! -e /sys/fs/cgroup/cgroup.controllers ]] || { echo /sys/fs/cgroup && return; }
  for folder in /sys/fs/cgroup/*/; do [[ ! -e $folder/cgroup.procs ]] || echo "${folder%/}"; done
}

join_group() { for hierarchy in $(hierarchies); do echo "$BASHPID" >"$hierarchy/$group/cgroup.procs"; done; }

podman_settings() {
  cat >"$state/storage.conf" <<CONF
[storage]
driver = "overlay"
graphroot = "$state/storage"
runroot = "/run/containers/storage" # of the private host: podman takes a new one for a reboot
[storage.options]
additionalimagestores = ["$1"]
CONF
  cat >"$state/containers.conf" <<CONF
[containers]
log_driver = "k8s-file"
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
runtime = "runc"
volume_path = "$state/volumes"
static_dir = "$state/static"
[network]
network_backend = "netavark"
network_config_dir = "$state/networks"
CONF
}

up() {
  local hierarchy file unshare
  down
  mkdir -p "$state/networks"
  # shellcheck disable=SC2086 # several
  sysctl $own_sysctls >"$state/sysctls"
  podman_settings "$1"
  # kind mounts it into nodes; a machine whose kernel has no modules lacks it.
  [[ -d /lib/modules ]] || { mkdir /lib/modules && touch "$state/made-modules"; }
  for hierarchy in $(hierarchies); do mkdir -p "$hierarchy/$group"; done
  if [[ -d /sys/fs/cgroup/cpuset ]]; then
    for file in cpuset.cpus cpuset.mems; do cat "/sys/fs/cgroup/cpuset/$file" >"/sys/fs/cgroup/cpuset/$group/$file"; done
  fi
  (join_group && exec setsid unshare --net --mount --pid --fork --kill-child --propagation private \
    bash "$here/host-init.sh" "$state") >"$state/log" 2>&1 </dev/null &
  unshare=$!
  until [[ -e $state/ready ]]; do
    kill -0 "$unshare" 2>/dev/null || { tail -n 5 "$state/log" >&2 && fail 'the private host did not start: read its messages above'; }
    sleep 0.1
  done
  pgrep -P "$unshare" >"$state/pid"
}

down() {
  if is_up; then
    kill -KILL "$(<"$state/pid")"
    while [[ -e /proc/$(<"$state/pid") ]]; do sleep 0.1; done
  fi
  [[ ! -s $state/relay.pid ]] || ! ps -o args= -p "$(<"$state/relay.pid")" | grep -qF "$state/" || kill -KILL "$(<"$state/relay.pid")"
  [[ ! -e $state/made-modules ]] || rmdir /lib/modules
  [[ ! -s $state/sysctls ]] || sysctl -qp "$state/sysctls"
  for _ in $(seq 100); do
    find /sys/fs/cgroup/{,*/}{"$group",libpod_parent} -depth -type d -exec rmdir {} + 2>/dev/null || true
    compgen -G "/sys/fs/cgroup/*/$group" >/dev/null || compgen -G "/sys/fs/cgroup/$group" >/dev/null || break
    sleep 0.1
  done
  rm -rf --one-file-system "$state"
}

case $1 in
  up) up "$2" ;;
  down) down ;;
  run)
    shift
    is_up || fail 'the cluster is not up: run "hack/kind.sh up"'
    join_group
    export CONTAINERS_CONF=$state/containers.conf CONTAINERS_STORAGE_CONF=$state/storage.conf KIND_EXPERIMENTAL_PROVIDER=podman
    exec nsenter -t "$(<"$state/pid")" -n -m -p --wd="$PWD" "$@"
    ;;
  *) fail "\"$1\" is no command of it: see hack/kind/host.sh --help" ;;
esac
