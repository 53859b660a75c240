#!/usr/bin/env bash
# Process 1 of the private host of hack/kind/host.sh, which says in the folder "$1" when it is ready.
set -euo pipefail

mount -t proc proc /proc
mkdir -p "$1/cgroup" && mount --rbind /sys/fs/cgroup "$1/cgroup"
mount -t sysfs sysfs /sys && mount --rbind "$1/cgroup" /sys/fs/cgroup
mount -t tmpfs tmpfs /run
mkdir -p /run/netns /run/lock
ip link set lo up
sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.disable_ipv6=0 net.ipv6.conf.all.forwarding=1 || true
touch "$1/ready"

# Bash takes over the children of processes that end meanwhile.
while :; do sleep 3600; done
