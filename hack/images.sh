#!/usr/bin/env bash
# Makes the image archives of the product, of Envoy and of a workload for tests, without a registry or Docker: from the
# Node.js and the Envoy of this checkout and the libraries of this machine that they need. Standard output: one line, the
# folder; all else goes to standard error.
source "$(dirname "${BASH_SOURCE[0]}")/images/files.sh"

if [[ ${1:-} == --help ]]; then
  cat <<TXT
Usage: hack/images.sh [--product FOLDER | --collector FOLDER]

Prints the folder with sallyport.tar, collector.tar, envoy.tar and test-workload.tar, for "hack/kind.sh load" or "docker
load", and the SBOMs of the first two. They are made once per state of the sources (in half a minute) and kept in $cache.
With --product or --collector it only puts the files of that image into FOLDER, for the Dockerfile.
TXT
  exit 0
fi

archive() { bash "$root/hack/image-archive.sh" "$@"; }

# What does not change with the sources, into the folder "$1".
make_others() {
  echo 'Making the images of Envoy and of a workload for tests (once, in half a minute)'
  add_base "$1/envoy"
  add_program "$1/envoy" "$envoy" /usr/local/bin/envoy
  archive "$1/envoy.tar" "envoyproxy/envoy:distroless-v$envoy_version" "$1/envoy" \
    "{$user,\"Entrypoint\":[\"/usr/local/bin/envoy\"]}"
  add_base "$1/workload"
  add_program "$1/workload" "$node" /usr/local/bin/node
  add_program "$1/workload" "$(command -v curl)" /usr/bin/curl
  archive "$1/test-workload.tar" sallyport/test-workload:1 "$1/workload" \
    "{$user,\"Entrypoint\":[\"/usr/local/bin/node\"],\"Env\":[\"PATH=/usr/local/bin:/usr/bin\"]}"
  rm -rf "$1"/{envoy,workload}
}

# All archives, into the folder "$1".
make_images() {
  local name environment
  environment=$(said ENV | sed 's/[^ ]*/"&"/g; s/ /,/g')
  echo 'Making the images of Sallyport (for this state of its sources)'
  make_product "$1/sallyport"
  make_collector "$1/collector"
  for name in sallyport collector; do
    cp "$1/$name/app/sbom.json" "$1/$name.sbom.json"
    archive "$1/$name.tar" "sallyport/$name:$version" "$1/$name" \
      "{$user,\"Entrypoint\":$(said ENTRYPOINT "$name"),\"Env\":[$environment]}"
    rm -rf "${1:?}/$name"
  done
  ln "$others"/*.tar "$1/"
}

need_packages ca-certificates curl
bash "$root/hack/ensure-node-modules.sh"
node=$(realpath "$root/node_modules/node/bin/node")
case ${1:-} in
  --product | --collector) "make_${1#--}" "$2" && exit ;;
esac
envoy=$(bash "$root/hack/envoy.sh")
version=$("$node" -p "require('$root/package.json').version")
envoy_version=$("$envoy" --version | grep -oE '/[0-9]+\.[0-9]+\.[0-9]+/' | tr -d /)
user="\"User\":\"$(said USER)\",\"WorkingDir\":\"$(said WORKDIR)\""
ways=$(cat "$root"/hack/{images,image-archive}.sh "$root"/hack/images/files.sh)
programs=$(sha256sum "$envoy" "$node" "$(command -v curl)")
others=$(cached images-others "$ways $user $programs" make_others)
sources=$(cd "$root" && find operator package-lock.json Dockerfile LICENSE hack/{bundle.ts,images} -type f ! -name '*.test.ts' -print0 |
  LC_ALL=C sort -z | xargs -0 sha256sum)
cached images "$ways $version $sources $others" make_images
