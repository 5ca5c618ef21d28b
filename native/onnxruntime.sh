#!/bin/bash
# Puts libonnxruntime.so.1 into the cache, once, and prints its path. The npm package is only unpacked, nothing in it runs.
#   QUICEDGE_ORT_LIB=PATH   a library of your own: its path is printed and nothing is fetched
set -euo pipefail
if [[ -n ${QUICEDGE_ORT_LIB:-} ]]; then
	if [[ ! -f $QUICEDGE_ORT_LIB ]]; then
		echo "native/onnxruntime.sh: QUICEDGE_ORT_LIB=$QUICEDGE_ORT_LIB is no file; name libonnxruntime.so.1 with it, or unset it to fetch one" >&2
		exit 1
	fi
	realpath --no-symlinks -- "$QUICEDGE_ORT_LIB"
	exit
fi
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
. "$here/versions.env"

cache=${XDG_CACHE_HOME:-$HOME/.cache}/quicedge
lib=$cache/onnxruntime-$ORT_VERSION/lib/libonnxruntime.so.1
if [[ -e $lib ]]; then
	echo "$lib"
	exit
fi

step="find the machine's kind"
trap 'echo "native/onnxruntime.sh: $step failed; check that npm reaches its registry (npm ping), then run it again" >&2' ERR
case $(uname -m) in
x86_64) arch=x64 ;;
aarch64) arch=arm64 ;;
*) echo "native/onnxruntime.sh: no ONNX Runtime for $(uname -m); build one and name it with QUICEDGE_ORT_LIB=PATH" >&2; exit 1 ;;
esac

step="install npm"
"$here/packages.sh" npm
mkdir -p "$cache"
exec 9>"$cache/onnxruntime.lock"
flock 9
if [[ -e $lib ]]; then echo "$lib"; exit; fi
work=$(mktemp -d "$cache/onnxruntime-fetch.XXXXXX")
trap 'rm -rf "$work"' EXIT

echo "fetching ONNX Runtime $ORT_VERSION, 100 MB, once" >&2
step="npm pack onnxruntime-node@$ORT_VERSION"
(cd "$work" && npm pack --silent --ignore-scripts "onnxruntime-node@$ORT_VERSION" >/dev/null)
step="check the sum of onnxruntime-node-$ORT_VERSION.tgz"
echo "$ORT_SHA256  $work/onnxruntime-node-$ORT_VERSION.tgz" | sha256sum --check --quiet >&2
step="unpack libonnxruntime.so.1"
member=package/bin/napi-v6/linux/$arch/libonnxruntime.so.1
tar -xzf "$work/onnxruntime-node-$ORT_VERSION.tgz" -C "$work" "$member"
mkdir -p "${lib%/*}"
chmod 644 "$work/$member"
mv "$work/$member" "$lib"
echo "$lib"
