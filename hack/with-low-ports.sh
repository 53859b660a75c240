#!/usr/bin/env bash
# Runs a command where it may listen on the ports 22, 80 and 443 of loopback addresses: here when this user may
# and nobody else listens there on all addresses, or else in a network namespace of its own with loopback only.
# The exit status is the command's.
set -euo pipefail

if [[ $# -eq 0 || $1 == --help ]]; then
  cat <<'TXT'
Usage: hack/with-low-ports.sh COMMAND [ARGUMENT...]

Runs COMMAND directly when this user may listen on ports 22, 80 and 443 of loopback, or else as root of a user
and network namespace of its own, in which only loopback exists.
TXT
  [[ $# -gt 0 ]] && exit 0 || exit 2
fi

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
export LISTEN_CHECK='let open = 0; for (const port of [22, 80, 443])
  require("node:net").createServer().listen(port, "127.9.8.7", () => ++open === 3 && process.exit(0))'
may_listen="'$root/node_modules/.bin/node' -e \"\$LISTEN_CHECK\" 2>/dev/null"
lo_up='(ip link set lo up || ifconfig lo up) 2>/dev/null'

if sh -c "$may_listen"; then
  exec "$@"
fi
if unshare --user --map-root-user --net sh -c "$lo_up && $may_listen" 2>/dev/null; then
  echo 'Running in a network namespace of its own, for ports 22, 80 and 443' >&2
  exec unshare --user --map-root-user --net sh -c "$lo_up && exec \"\$@\"" sh "$@"
fi
cat >&2 <<'TXT'
Cannot listen on ports 22, 80 and 443 of loopback, and this machine allows no network namespace without root: run
"sudo sysctl net.ipv4.ip_unprivileged_port_start=22" once, or stop the program that listens there on all addresses
TXT
exit 1
