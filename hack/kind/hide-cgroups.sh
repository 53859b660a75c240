#!/usr/bin/env bash
# In a node, before systemd starts: shows it only the cgroup controllers that are mounted. It would mount all others of
# /proc/cgroups, and thereby on the whole machine. kind hides "misc" in the same way, and takes the mount away later.
set -euo pipefail

is_mounted() {
  [[ -d /sys/fs/cgroup/$1 ]] || compgen -G "/sys/fs/cgroup/*,$1" || compgen -G "/sys/fs/cgroup/$1,*"
}

while read -r name rest; do
  if [[ $name == '#'* ]] || is_mounted "$name" >/dev/null; then printf '%s\t%s\n' "$name" "$rest"; fi
done </proc/cgroups >/kind/fake-cgroups
mount --bind /kind/fake-cgroups /proc/cgroups
