#!/bin/bash
# Puts Debian's cloud kernels into the cache, once, and prints a folder for each, which holds vmlinuz and modules/.
#   QUICEDGE_DEBIAN_MIRROR=URI   where the packages come from (default: the machine's own mirror)
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
. "$here/versions.env"
. "$here/debian.sh"

# What the tests need of the network, and what those modules need.
modules=(
	veth dummy tun 8021q garp mrp bridge stp llc sch_ingress cls_bpf cls_u32
	ipip ip_gre gre sit tunnel4 ip_tunnel ip6_gre ip6_tunnel tunnel6
	wireguard udp_tunnel ip6_udp_tunnel libchacha libchacha20poly1305 libpoly1305 libcurve25519 libcurve25519-generic
	chacha-x86_64 poly1305-x86_64 curve25519-x86_64
)

cache=${XDG_CACHE_HOME:-$HOME/.cache}/quicedge
log=$cache/kernels.log
hash=$(printf '%s\n' "$KERNELS" "${modules[@]}" | sha256sum | cut -c1-12)
step="install packages"
trap 'echo "native/kernels.sh: $step failed; the last lines of $log:" >&2; tail -n 15 "$log" >&2 || true
	echo "mend what they name and run native/kernels.sh again; a mirror of Debian can be named with QUICEDGE_DEBIAN_MIRROR=URI" >&2' ERR
mkdir -p "$cache"
: >>"$log"
"$here/packages.sh" kernels
exec 9>"$cache/kernels.lock"
flock 9
work=$(mktemp -d "$cache/kernels-fetch.XXXXXX")
trap 'rm -rf "$work"' EXIT

# fetch VERSION SUITE DIR: the metapackage of the suite says which build of the version is the newest.
fetch() (
	private_apt "$work/$1" deb "$2" amd64
	cd "$work/$1"
	apt-get update
	image=$(apt-cache depends linux-image-cloud-amd64 | sed -n 's/.*Depends: \(linux-image-[0-9].*\)/\1/p')
	[[ $image == linux-image-"$1".* ]] || { echo "suite $2 has ${image:-no linux-image-cloud-amd64}, not $1: change KERNELS in native/versions.env"; exit 1; }
	apt-get download "$image"
	dpkg-deb -x "$image"_*.deb root
	mkdir -p done/modules
	mv root/boot/vmlinuz-* done/vmlinuz
	for module in "${modules[@]}"; do # one that is not there is built in, or another version does without
		find root -path "*/kernel/*/$module.ko*" -exec mv -t done/modules {} +
	done
	find done/modules -name '*.xz' -exec xz -d {} +
	rm -rf "$3"
	mv -T done "$3"
)
for kernel in $KERNELS; do
	version=${kernel%%:*}
	dir=$cache/linux-$hash-$version
	if [[ ! -e $dir/vmlinuz ]]; then
		step="fetch Linux $version from ${kernel#*:}"
		echo "fetching Linux $version, once" >&2
		fetch "$version" "${kernel#*:}" "$dir" >"$log" 2>&1
	fi
	echo "$dir"
done
