#!/bin/bash
# Installs the Debian packages of the groups named as arguments; does nothing where all are there.
#   native/packages.sh build test
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
. "$here/versions.env"

# NAME or NAME:COMMAND. The second form is also content with the command from anywhere on PATH.
declare -A groups=(
	[build]="make gcc g++ libc6-dev pkg-config:pkg-config git:git ca-certificates curl:curl unzip:unzip"
	[ffmpeg]="dpkg-dev xz-utils nasm make gcc g++ libc6-dev pkg-config:pkg-config libx264-dev libx265-dev libnuma-dev"
	[ffmpeg-system]="libavcodec-dev libavformat-dev libavutil-dev libavfilter-dev libavdevice-dev libswscale-dev libswresample-dev pkg-config:pkg-config gcc libc6-dev"
	[npm]="npm:npm ca-certificates"
	[bpf]="clang-$CLANG_MAJOR llvm-$CLANG_MAJOR libbpf-dev linux-libc-dev"
	[run]="ca-certificates curl:curl iproute2 libstdc++6"
	[test]="ffmpeg:ffprobe iproute2 ngtcp2-client:gtlsclient pebble:pebble systemd:systemd-analyze util-linux:setpriv"
	[browser]="chromium:chromium chromium-driver:chromedriver"
	[kernels]="qemu-system-x86:qemu-system-x86_64 cpio:cpio xz-utils:xz"
)

step="read arguments"
trap 'echo "native/packages.sh: $step failed; run it again with a working apt, or install by hand: ${missing[*]:-}" >&2' ERR

missing=()
for group in "$@"; do
	if [[ -z ${groups[$group]:-} ]]; then
		echo "native/packages.sh: no group $group; there are: ${!groups[*]}" >&2
		exit 2
	fi
done

step="look up installed packages"
installed=" $(dpkg-query -W -f '${db:Status-Abbrev}${Package} ' 2>/dev/null | sed 's/ii  *//g') "
for group in "$@"; do
	for entry in ${groups[$group]}; do
		name=${entry%%:*}
		[[ $installed == *" $name "* ]] && continue
		[[ $entry == *:* ]] && command -v "${entry#*:}" >/dev/null && continue
		[[ " ${missing[*]:-} " == *" $name "* ]] || missing+=("$name")
	done
done
((${#missing[@]})) || exit 0

as_root=()
if ((EUID != 0)); then
	if ! command -v sudo >/dev/null; then
		echo "native/packages.sh: missing ${missing[*]}; run as root: apt-get install --no-install-recommends ${missing[*]}" >&2
		exit 1
	fi
	as_root=(sudo)
fi
echo "installing ${missing[*]}" >&2
step="apt-get update"
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq update >&2
step="apt-get install ${missing[*]}"
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -y --no-install-recommends install "${missing[@]}" </dev/null >&2
