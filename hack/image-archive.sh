#!/usr/bin/env bash
# Packs a folder as an image of one layer, without a registry or Docker. The same folder gives the same bytes, whoever
# owns it and whenever it was made.
set -euo pipefail

if [[ $# -lt 4 || $1 == --help ]]; then
  cat <<'TXT'
Usage: hack/image-archive.sh OUT NAME[,NAME...] FOLDER CONFIG [--keep-owners]

Writes the file OUT for "kind load image-archive", "docker load" and "podman load".
CONFIG is JSON, such as {"Entrypoint":["/program"],"User":"65532:65532"}. All files belong to root unless kept.
TXT
  [[ ${1:-} == --help ]] && exit 0 || exit 2
fi

out=$1 names=$2 folder=$3 config=$4
owners=(--owner=0 --group=0)
[[ ${5:-} == --keep-owners ]] && owners=(--xattrs)

work=$(mktemp -d "$out.XXXXXX")
trap 'rm -rf "$work"' EXIT
pack() { tar --format=posix --pax-option=delete=atime,delete=ctime --sort=name --mtime=@0 --numeric-owner "$@"; }

case $(uname -m) in x86_64) architecture=amd64 ;; aarch64) architecture=arm64 ;; *) architecture=$(uname -m) ;; esac
pack "${owners[@]}" -C "$folder" -cf "$work/layer.tar" .
digest=$(sha256sum "$work/layer.tar" | cut -d ' ' -f 1)
cat >"$work/config.json" <<JSON
{"architecture":"$architecture","os":"linux","config":$config,"rootfs":{"type":"layers","diff_ids":["sha256:$digest"]},"history":[{"created_by":"hack/image-archive.sh"}]}
JSON
printf '[{"Config":"config.json","RepoTags":["%s"],"Layers":["layer.tar"]}]\n' "${names//,/\",\"}" >"$work/manifest.json"
pack --owner=0 --group=0 -C "$work" -cf "$work/image.tar" manifest.json config.json layer.tar
mv "$work/image.tar" "$out"
