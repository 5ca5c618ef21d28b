#!/bin/bash
# Prints a qemu-system-x86_64 whose emulation can be relied on: the machine's own, or one put into the cache, once. Before 8.1
# it now and then ran code that the kernel had just patched as it was before, and Linux 6.12 died while it booted.
#   QUICEDGE_DEBIAN_MIRROR=URI   where the packages come from (default: the machine's own mirror)
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
. "$here/versions.env"
. "$here/debian.sh"

cache=${XDG_CACHE_HOME:-$HOME/.cache}/quicedge
prefix=$cache/qemu-$QEMU_SUITE
if [[ -x $prefix/qemu ]]; then
	echo "$prefix/qemu"
	exit
fi
log=$cache/qemu.log
step="install packages"
trap 'echo "native/qemu.sh: $step failed; the last lines of $log:" >&2; tail -n 15 "$log" >&2 || true
	echo "mend what they name and run native/qemu.sh again; a mirror of Debian can be named with QUICEDGE_DEBIAN_MIRROR=URI" >&2' ERR
mkdir -p "$cache"
: >>"$log"
"$here/packages.sh" kernels # the machine's own qemu brings the libraries of the other
own=$(qemu-system-x86_64 --version | sed -n 's/.*version \([0-9.]*\).*/\1/p')
if [[ $(printf '%s\n' "$QEMU_MINIMUM" "$own" | sort -V | head -n 1) == "$QEMU_MINIMUM" ]]; then
	command -v qemu-system-x86_64
	exit
fi

exec 9>"$cache/qemu.lock"
flock 9
if [[ -x $prefix/qemu ]]; then echo "$prefix/qemu"; exit; fi
work=$(mktemp -d "$cache/qemu-fetch.XXXXXX")
trap 'rm -rf "$work"' EXIT
step="fetch qemu from $QEMU_SUITE"
echo "fetching a newer qemu than $own, once" >&2
(
	private_apt "$work/apt" deb "$QEMU_SUITE" amd64
	cd "$work/apt"
	apt-get update
	apt-get download qemu-system-x86 qemu-system-data seabios
	for package in *.deb; do dpkg-deb -x "$package" "$work/root"; done
) >"$log" 2>&1
printf '#!/bin/sh\nexec %q -L %q -L %q "$@"\n' "$prefix"/usr/{bin/qemu-system-x86_64,share/qemu,share/seabios} >"$work/root/qemu"
chmod 755 "$work/root" "$work/root/qemu"
step="run the qemu of $QEMU_SUITE on this system's libraries"
"$work/root/usr/bin/qemu-system-x86_64" --version >>"$log" 2>&1
rm -rf "$prefix"
mv -T "$work/root" "$prefix"
echo "$prefix/qemu"
