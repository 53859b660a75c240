#!/usr/bin/env bash
# Sourced by hack/images.sh: puts the files of images into folders. Reads node, the path of Node.js.
# shellcheck disable=SC2154 # set where this is sourced
source "$(dirname "${BASH_SOURCE[0]}")/../kind/cached.sh"

# The instruction "$1" of the Dockerfile, which says how an image is run; that of the image "$2" where it has its own.
said() {
  local stage
  for stage in "${2:-base}" base; do
    sed -n "/^FROM .* AS $stage\$/,/^FROM/s/^$1 //p" "$root/Dockerfile" | grep . && return
  done
}

# Installs the program "$2" into the image folder "$1" as the path "$3", with the libraries that it needs.
add_program() {
  local library
  install -D -m 755 "$2" "$1$3"
  ldd "$2" | grep -oE '/[^ ]+' | while read -r library; do install -D "$library" "$1$library"; done
}

# Puts DuckDB, which is no part of the bundle, beside it into the image folder "$1"; prints lines for the SBOM.
add_duckdb() {
  local name library folder
  for name in node-api node-bindings "node-bindings-linux-$("$node" -p process.arch)"; do
    folder=$root/node_modules/@duckdb/$name
    mkdir -p "$1/app/node_modules/@duckdb"
    cp -R "$folder" "$1/app/node_modules/@duckdb/"
    "$node" -p "const p = require('$folder/package.json'); p.name + ' ' + p.version + ' pkg:npm/' + p.name.replace('@', '%40') + '@' + p.version"
  done
  ldd "$folder/duckdb.node" | grep -oE ' /(usr/)?lib(64)?/[^ ]+' | while read -r library; do install -D "$library" "$1$library"; done
}

# What programs look for in any image; no shell and no package manager. Into the folder "$1".
add_base() {
  mkdir -p "$1"/{etc/ssl/certs,tmp,run,proc,sys,dev}
  chmod 1777 "$1/tmp"
  printf 'root:x:0:0:root:/:/none\nnonroot:x:%s:nonroot:/:/none\n' "$(said USER)" >"$1/etc/passwd"
  printf 'root:x:0:\nnonroot:x:%s:\n' "$(said USER | cut -d : -f 2)" >"$1/etc/group"
  echo 'hosts: files dns' >"$1/etc/nsswitch.conf"
  cp /etc/ssl/certs/ca-certificates.crt "$1/etc/ssl/certs/"
}

# Lines "name version purl" for the SBOM: Node.js, and the Debian packages of the libraries in the folder "$1".
system_parts() {
  local release
  release=$("$node" --version | tr -d v)
  echo "node $release pkg:generic/node@$release"
  find "$1" -name '*.so*' -printf '*%P\n' | { xargs dpkg-query --search 2>/dev/null || true; } | cut -d : -f 1 | sort -u |
    xargs --no-run-if-empty dpkg-query --show --showformat '${Package} ${Version} pkg:deb/debian/${Package}@${Version}\n'
}

# The files of the product's image, into the folder "$1"; with the function "$2", if any, which adds more and prints lines
# for the SBOM.
make_product() {
  mkdir -p "$1/app"
  add_base "$1"
  add_program "$1" "$node" /usr/local/bin/node
  "${2:-true}" "$1" >"$1/added"
  { cat "$1/added" && system_parts "$1"; } >"$1/others"
  "$node" "$root/hack/bundle.ts" "$1/app" --others "$1/others"
  rm "$1/others" "$1/added"
  cp "$root/LICENSE" "$1/app/"
}

# What the collector has and no other role: DuckDB, and what limits the memory of a query.
add_collector() {
  add_duckdb "$1"
  add_program "$1" "$(command -v prlimit)" /usr/bin/prlimit
}

make_collector() { make_product "$1" add_collector; }
