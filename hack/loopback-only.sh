#!/usr/bin/env bash
# Runs a command in a network namespace of its own, with loopback only: whatever it dials, nothing
# leaves this machine. The exit status is the command's.
set -euo pipefail

if [[ $# -eq 0 || $1 == --help ]]; then
  cat <<'TXT'
Usage: hack/loopback-only.sh COMMAND [ARGUMENT...]

Runs COMMAND where only loopback exists, and where it may listen on any port of it.
TXT
  [[ $# -gt 0 ]] && exit 0 || exit 2
fi

lo_up='(ip link set lo up || ifconfig lo up) 2>/dev/null'

for namespace in 'unshare --user --map-root-user --net' 'unshare --net'; do
  if $namespace sh -c "$lo_up" 2>/dev/null; then
    exec $namespace sh -c "$lo_up && exec \"\$@\"" sh "$@"
  fi
done
echo 'Cannot make a network namespace: allow those of users ("sudo sysctl kernel.unprivileged_userns_clone=1"), or run as root' >&2
exit 1
