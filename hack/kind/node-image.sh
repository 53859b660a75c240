#!/usr/bin/env bash
# Makes the image of a kind node from packages alone: Debian by debootstrap, Kubernetes and CoreDNS by Go, kind's own
# files from its Go module. Standard output: one line, a folder with storage (of podman) and version; all else goes to standard
# error. Needs root, for debootstrap.
source "$(dirname "${BASH_SOURCE[0]}")/cached.sh"

if [[ ${1:-} == --help ]]; then
  cat <<TXT
Usage: hack/kind/node-image.sh

Prints the folder of the node image of hack/kind.sh, which it makes once (5 to 30 minutes) and keeps in $cache.
TXT
  exit 0
fi

suite=bookworm
# What kind's own image has; containerd, runc and the CNI plugins are Debian's.
packages=systemd,conntrack,iptables,nftables,iproute2,ethtool,util-linux,mount,kmod,libseccomp2,procps,ca-certificates
packages+=,containerd,runc,containernetworking-plugins,jq,curl

# Fills the folder "$1" with debian.tar.
make_debian() {
  local mirror
  # The machine's own mirror, where it is one of Debian; or else that of debootstrap.
  mirror=$(cat /etc/apt/sources.list /etc/apt/sources.list.d/*.{list,sources} 2>/dev/null |
    grep -oE '^(URIs:|deb) .*' | grep -oE '[a-z]+://[^ ]*/debian/?( |$)' | head -n 1 | tr -d ' ') || true
  echo 'Fetching Debian for the nodes (once, 1 to 2 minutes)'
  debootstrap --variant=minbase --include="$packages" "$suite" "$1/root" ${mirror:+"$mirror"} >"$1/log" 2>&1 ||
    { tail -n 15 "$1/log" && fail 'debootstrap failed: read its messages above (it needs a mirror of Debian)'; }
  (cd "$1/root" && rm -rf var/cache/apt/archives/*.deb var/lib/{apt/lists/*,containerd} usr/share/{doc,man,locale}/*)
  tar -C "$1/root" --numeric-owner --xattrs -cf "$1/debian.tar" .
  rm -rf "$1/root"
}

# kind's files and settings, as the Dockerfile of its base image places them in the root "$1".
add_kind() {
  local files version root=$1
  version=$(go version -m "$kind" | awk '$1 == "mod" { print $3 }')
  files=$(go mod download -json "sigs.k8s.io/kind@$version" | sed -n 's/.*"Dir": "\(.*\)".*/\1/p')/images/base/files
  mkdir -p "$root"/kind/{bin,manifests} "$root"/etc/kubernetes/manifests "$root"/opt/cni/bin "$root"/etc/cni/net.d
  cp -r --no-preserve=mode "$files"/{etc,kind} "$root"/
  install -m 755 "$files"/usr/local/bin/entrypoint "$root"/usr/local/bin/
  install -m 755 "$here"/hide-cgroups.sh "$root"/kind/bin/
  chmod 755 "$root"/kind "$root"/kind/bin "$root"/kind/bin/*
  rm -f "$root"/lib/systemd/system/{multi-user,local-fs,basic}.target.wants/* "$root"/etc/systemd/system/*.wants/* \
    "$root"/lib/systemd/system/sockets.target.wants/*{udev,initctl}* \
    "$root"/lib/systemd/system/sysinit.target.wants/systemd-tmpfiles-setup.service
  echo ReadKMsg=no >>"$root"/etc/systemd/journald.conf
  ln -sfn /lib/systemd/systemd "$root"/sbin/init
  ln -sfn /usr/bin/containerd "$root"/usr/local/bin/containerd
  cp "$root"/usr/lib/cni/* "$root"/opt/cni/bin/
  chroot "$root" systemctl --quiet enable kubelet.service containerd.service undo-mount-hacks.service
  chroot "$root" systemctl --quiet mask systemd-binfmt.service
  chroot "$root" ctr oci spec | chroot "$root" jq '.hooks.createContainer += [{path: "/kind/bin/mount-product-files.sh"}] | del(.process.rlimits)' >"$root"/cri-base.json
  mv "$root"/cri-base.json "$root"/etc/containerd/
  # A root user without CAP_SYS_RESOURCE, as in many sandboxes, may not lower the score.
  sed -i -e 's/restrict_oom_score_adj = false/restrict_oom_score_adj = true/' \
    -e "s#sandbox_image = .*#sandbox_image = \"$pause_image\"#" "$root"/etc/containerd/config.toml
  sed -i "s#^  local misc_controller=.*#  /kind/bin/hide-cgroups.sh; return 0\n&#" "$root"/usr/local/bin/entrypoint
  cat >"$root"/kind/manifests/default-storage.yaml <<'Y'
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata:
  name: standard
  annotations: {storageclass.kubernetes.io/is-default-class: "true"}
provisioner: kubernetes.io/no-provisioner
volumeBindingMode: WaitForFirstConsumer
Y
}

# One image for all programs of the control plane, under their names; another each for CoreDNS and pause. Into "$2".
make_images() {
  local root=$1 out=$2 image=$2/image program library names
  mkdir -p "$image"/{usr/local/bin,usr/sbin,tmp,run,var/lib,etc}
  cp -P "$programs"/{kube,etcd,kube-apiserver,kube-controller-manager,kube-scheduler,kube-proxy} "$image"/usr/local/bin/
  cp "$root"/usr/sbin/{nft,xtables-nft-multi,conntrack} "$image"/usr/sbin/
  for program in ip{,6}tables{,-save,-restore}; do ln -s xtables-nft-multi "$image/usr/sbin/$program"; done
  for program in /usr/bin/kube /usr/sbin/{nft,xtables-nft-multi,conntrack}; do
    chroot "$root" ldd "$program" | grep -o '/[^ ]*' || true
  done | sort -u | while read -r library; do install -D "$root$library" "$image$library"; done
  (cd "$root" && cp -r --parents usr/lib/*-linux-gnu/xtables etc/ssl/certs/ca-certificates.crt "$image")
  echo 'hosts: files dns' >"$image"/etc/nsswitch.conf
  names=$(grep -E '/(kube-|etcd)' <<<"$images" | paste -sd ,)
  bash "$root_of_project"/hack/image-archive.sh "$out"/control-plane.tar "$names" "$image" '{"Entrypoint":["/usr/local/bin/kube"]}'
  rm -rf "$image" && mkdir -p "$image"
  cp "$coredns" "$image"/coredns
  bash "$root_of_project"/hack/image-archive.sh "$out"/coredns.tar "$(grep /coredns: <<<"$images")" "$image" '{"Entrypoint":["/coredns"]}'
  rm -rf "$image" && mkdir -p "$image"
  (cd "$here"/pause && CGO_ENABLED=0 GOWORK=off go build -trimpath -ldflags '-s -w' -o "$image"/pause .)
  bash "$root_of_project"/hack/image-archive.sh "$out"/pause.tar "$pause_image" "$image" '{"Entrypoint":["/pause"]}'
  rm -rf "$image"
}

# Puts the images of the folder "$2" into the containerd of the root "$1", by that containerd itself.
import_images() {
  unshare --mount --pid --net --fork --kill-child --propagation private bash -euc '
    mount --bind "$1" "$1"
    for folder in /proc /sys /dev; do mount --rbind "$folder" "$1$folder"; done
    mount -t proc proc "$1/proc"
    mkdir "$1/in" && mount --bind "$2" "$1/in" && mount -t tmpfs tmpfs "$1/run"
    chroot "$1" containerd >"$2/containerd.log" 2>&1 &
    for _ in $(seq 300); do chroot "$1" ctr version >/dev/null 2>&1 && break; sleep 0.1; done
    for image in pause control-plane coredns; do
      chroot "$1" ctr -n k8s.io images import --all-platforms --digests --snapshotter=overlayfs "/in/$image.tar" >/dev/null
    done
    kill $! && wait $! || true' - "$1" "$2"
  rmdir "$1/in"
}

# Fills the folder "$1" with node.tar and version.
make_image() {
  local out=$1 root=$1/root version
  version=$("$programs"/kubelet --version | grep -o 'v[0-9.]*')
  echo "Making the node image of Kubernetes $version (once, half a minute)"
  mkdir "$root" "$out"/images
  tar -C "$root" --numeric-owner --xattrs -xf "$debian"/debian.tar
  install -m 755 "$programs"/kube "$root"/usr/bin/kube
  for program in kubelet kubeadm kubectl; do ln -s kube "$root/usr/bin/$program"; done
  chroot "$root" kubelet --version >/dev/null ||
    fail "the kubelet built here does not run in Debian $suite: build with CGO_ENABLED=0, after removing \"$programs\""
  add_kind "$root"
  printf %s "$version" | tee "$root"/kind/version >"$out"/version
  make_images "$root" "$out"/images
  import_images "$root" "$out"/images
  bash "$root_of_project"/hack/image-archive.sh "$out"/node.tar "localhost/kindest/node:$version" "$root" '{
    "Entrypoint":["/usr/local/bin/entrypoint","/sbin/init"],"StopSignal":"SIGRTMIN+3",
    "Env":["container=docker","PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"]}' --keep-owners
  # In a mount namespace of its own, since podman leaves a mount behind.
  unshare --mount --propagation private podman --root "$out"/storage --runroot "$out"/run --storage-driver overlay \
    --cgroup-manager cgroupfs --events-backend file load --quiet --input "$out"/node.tar
  rm -rf "$root" "$out"/{images,run,node.tar}
}

root_of_project=$root
[[ $UID -eq 0 ]] || fail 'the node image is made by root: run this as root, or install Docker'
need_packages debootstrap podman netavark
programs=$(bash "$root"/hack/kubernetes-build.sh --nodes)
coredns=$(bash "$root"/hack/go-tool.sh coredns)
kind=$(bash "$root"/hack/go-tool.sh kind)
images=$("$programs"/kubeadm config images list --kubernetes-version "$("$programs"/kubelet --version | grep -o 'v[0-9.]*')" --image-repository "$image_repository")
pause_image=$(grep /pause: <<<"$images")
debian=$(cached kind-debian "$suite $packages" make_debian)
cached kind-node "$(cat "${BASH_SOURCE[0]}" "$here"/{cached,hide-cgroups}.sh "$here"/pause/main.go) $programs $coredns $kind $debian" make_image
