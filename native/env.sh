#!/bin/bash
# Prints the exports that building and testing quicedge-video need, bringing what is missing first:
#   eval "$(native/env.sh)"
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

go=$("$here/go.sh")
ffmpeg=$("$here/ffmpeg.sh")
ort=$("$here/onnxruntime.sh")

put() { printf 'export %s=%q\n' "$1" "$2"; }
[[ $(command -v go || true) == "$go/go" ]] || printf 'export PATH=%q:"$PATH"\n' "$go"
put QUICEDGE_ORT_LIB "$ort"
if [[ $ffmpeg != system ]]; then
	put QUICEDGE_FFMPEG_PREFIX "$ffmpeg"
	put PKG_CONFIG "$here/pkg-config-static"
	put CGO_LDFLAGS_ALLOW '-l:.*\.a'
	# Go's build cache looks at flags, not at what pkg-config answers: without this it would link another FFmpeg's objects.
	put CGO_CPPFLAGS "-I$ffmpeg/include"
fi
