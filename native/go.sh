#!/bin/bash
# Prints the folder that holds a new enough `go`; where the machine has none, fetches the toolchain module
# from the Go module proxy (GOPROXY) into the cache and checks it against the pinned sum.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
. "$here/versions.env"

cache=${XDG_CACHE_HOME:-$HOME/.cache}/quicedge
arch=$(uname -m | sed 's/x86_64/amd64/; s/aarch64/arm64/')
home=$cache/go-$GO_VERSION.linux-$arch

new_enough() {
	local have
	have=$(GOTOOLCHAIN=local "$1" env GOVERSION 2>/dev/null) || return 1
	have=${have#go}
	[[ $(printf '%s\n' "$GO_MINIMUM" "$have" | sort -V | head -n 1) == "$GO_MINIMUM" ]]
}
for go in "$(command -v go || true)" /usr/local/go/bin/go "$home/bin/go"; do
	if [[ -x $go ]] && new_enough "$go"; then
		dirname "$go"
		exit
	fi
done

step="read GOPROXY"
trap 'echo "native/go.sh: $step failed; set GOPROXY to a proxy that answers, or install Go $GO_MINIMUM or newer and put it on PATH" >&2' ERR
sum=GO_SUM_$arch
[[ -n ${!sum:-} ]] || { echo "native/go.sh: no toolchain pinned for $(uname -m); install Go $GO_MINIMUM or newer and put it on PATH" >&2; exit 1; }

step="install curl and unzip"
"$here/packages.sh" build
mkdir -p "$cache"
exec 9>"$cache/go.lock"
flock 9
if [[ -x $home/bin/go ]]; then echo "$home/bin"; exit; fi
work=$(mktemp -d "$cache/go-fetch.XXXXXX")
trap 'rm -rf "$work"' EXIT

scheme=https host=proxy.golang.org
module=golang.org/toolchain@v0.0.1-go$GO_VERSION.linux-$arch
step="download $module"
echo "fetching Go $GO_VERSION, once" >&2
got=
for proxy in $(tr ',|' '  ' <<<"${GOPROXY:-$scheme://$host}"); do
	[[ $proxy == direct || $proxy == off ]] && continue
	if curl -fsSL --retry 2 -o "$work/go.zip" "${proxy%/}/${module/@//@v/}.zip"; then got=yes; break; fi
done
[[ -n $got ]]
step="unpack $module"
unzip -q "$work/go.zip" -d "$work"
rm "$work/go.zip"

# The h1 sum of golang.org/x/mod/sumdb/dirhash: a SHA-256 over the sorted list of the files' own sums.
step="check the sum of $module"
hex=$(cd "$work" && find golang.org -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum | sha256sum | cut -d' ' -f1)
[[ h1:$(printf "$(sed 's/../\\x&/g' <<<"$hex")" | base64) == "${!sum}" ]]

# A module zip keeps no modes and hides nested go.mod files.
step="install $module"
chmod +x "$work/$module"/bin/* "$work/$module"/pkg/tool/*/*
find "$work/$module" -name _go.mod -execdir mv {} go.mod \;
rm -rf "$home"
mv -T "$work/$module" "$home"
echo "$home/bin"
