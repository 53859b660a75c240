#!/usr/bin/env bash
# Makes the archive of the plugin of kubectl, and its manifest for krew. The archive is the bundle of the image with a
# launcher; it has no native code, so one archive is for all machines.
set -euo pipefail

if [[ ${1:-} == --help || $# -ne 2 ]]; then
  cat <<'TXT'
Usage: hack/krew.sh OUT URI

Writes OUT/kubectl-sallyport.tar.gz, and OUT/sallyport.yaml, which says that the archive is at URI. To try it:
kubectl krew install --manifest OUT/sallyport.yaml --archive OUT/kubectl-sallyport.tar.gz
TXT
  [[ ${1:-} == --help ]] && exit 0
  exit 2
fi

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
out=$1 uri=$2
files=$(mktemp -d)
trap 'rm -rf "$files"' EXIT
mkdir -p "$out"
"$root/node_modules/.bin/node" "$root/hack/bundle.ts" "$files/app"
cp "$root/LICENSE" "$root"/hack/krew/kubectl* "$files"
tar --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner -C "$files" -c . | gzip -n >"$out/kubectl-sallyport.tar.gz"
sha=$(sha256sum "$out/kubectl-sallyport.tar.gz" | cut -d ' ' -f 1)
version=$("$root/node_modules/.bin/node" -p 'require(process.argv[1]).version' "$root/package.json")
sed -e "s|@VERSION@|$version|" -e "s|@URI@|$uri|" -e "s|@SHA256@|$sha|" "$root/hack/krew/sallyport.yaml" >"$out/sallyport.yaml"
