#!/usr/bin/env bash
# Makes the image archives of the product, of Envoy and of a workload for tests, without a registry or Docker: from the
# Node.js and the Envoy of this checkout and the libraries of this machine that they need. Standard output: one line, the
# folder; all else goes to standard error.
source "$(dirname "${BASH_SOURCE[0]}")/images/files.sh"

if [[ ${1:-} == --help ]]; then
  cat <<TXT
Usage: hack/images.sh [--product FOLDER]

Prints the folder with sallyport.tar, envoy.tar and test-workload.tar, for "hack/kind.sh load" or "docker load", and
sbom.json of the first. They are made once per state of the sources (in half a minute) and kept in $cache.
With --product it only puts the files of the product's image into FOLDER, for the Dockerfile.
TXT
  exit 0
fi

# All archives, into the folder "$1".
make_images() {
  local work=$1/work user environment
  echo 'Making the images of Sallyport, of Envoy and of a workload for tests (in half a minute)'
  user="\"User\":\"$(said USER)\",\"WorkingDir\":\"$(said WORKDIR)\""
  environment=$(said ENV | sed 's/[^ ]*/"&"/g; s/ /,/g')
  make_product "$work/product"
  cp "$work/product/app/sbom.json" "$1/"
  bash "$root/hack/image-archive.sh" "$1/sallyport.tar" "sallyport/sallyport:$version" "$work/product" \
    "{$user,\"Entrypoint\":$(said ENTRYPOINT),\"Env\":[$environment]}"
  add_base "$work/envoy"
  add_program "$work/envoy" "$envoy" /usr/local/bin/envoy
  bash "$root/hack/image-archive.sh" "$1/envoy.tar" "envoyproxy/envoy:distroless-v$envoy_version" "$work/envoy" \
    "{$user,\"Entrypoint\":[\"/usr/local/bin/envoy\"]}"
  add_base "$work/workload"
  add_program "$work/workload" "$node" /usr/local/bin/node
  add_program "$work/workload" "$(command -v curl)" /usr/bin/curl
  bash "$root/hack/image-archive.sh" "$1/test-workload.tar" sallyport/test-workload:1 "$work/workload" \
    "{$user,\"Entrypoint\":[\"/usr/local/bin/node\"],\"Env\":[\"PATH=/usr/local/bin:/usr/bin\"]}"
  rm -rf "$work"
}

need_packages ca-certificates curl
bash "$root/hack/ensure-node-modules.sh"
node=$(realpath "$root/node_modules/node/bin/node")
if [[ ${1:-} == --product ]]; then make_product "$2" && exit; fi
envoy=$(bash "$root/hack/envoy.sh")
version=$("$node" -p "require('$root/package.json').version")
envoy_version=$("$envoy" --version | grep -oE '/[0-9]+\.[0-9]+\.[0-9]+/' | tr -d /)
made_from=$(cd "$root" && find operator hack/images{,.sh} hack/image-archive.sh hack/bundle.ts \
  hack/kind/cached.sh package-lock.json Dockerfile LICENSE -type f ! -name '*.test.ts' -print0 | LC_ALL=C sort -z | xargs -0 sha256sum)
cached images "$made_from $version $envoy_version $(sha256sum "$envoy" "$node")" make_images
