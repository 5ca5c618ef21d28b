#!/bin/bash
# Puts a minimal static FFmpeg into the cache, once, and prints its prefix; prints "system" where the
# machine's own libav is of the wanted branch.
#   QUICEDGE_FFMPEG=static|system   overrides the choice
#   QUICEDGE_DEBIAN_MIRROR=URI      where the source package comes from (default: the machine's own mirror)
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
. "$here/versions.env"
. "$here/debian.sh"

# Audio packets are copied: their headers are parsed, which for aac alone needs the decoder (it tells SBR from not), and
# MPEG-TS asks the demuxers of aac, ac3 and mp3 what its audio is.
flags=(
	--disable-everything --disable-autodetect --disable-programs --disable-doc --disable-network --disable-debug
	--enable-static --disable-shared --enable-pic --enable-gpl --enable-libx264 --enable-libx265
	--enable-decoder=h264,hevc,aac --enable-encoder=libx264,libx265
	--enable-parser=h264,hevc,aac,aac_latm,mpegaudio,ac3,opus
	--enable-demuxer=mov,matroska,mpegts,flv,h264,hevc,aac,ac3,eac3,mp3,loas --enable-muxer=mp4,mpegts
	--enable-bsf=h264_mp4toannexb,hevc_mp4toannexb,extract_extradata,aac_adtstoasc,dump_extra
	--enable-filter=null,format,scale,fps,setpts,framerate,minterpolate,buffer,buffersink
)

system_libav() { pkg-config --atleast-version="$FFMPEG_LIBAVCODEC" libavcodec 2>/dev/null &&
	! pkg-config --atleast-version="$((FFMPEG_LIBAVCODEC + 1))" libavcodec; }

# With no libav installed, a system whose packages are of the branch gets those: minutes less.
offers_libav() { [[ $(apt-cache policy libavcodec-dev 2>/dev/null | sed -n 's/ *Candidate: \([0-9]*:\)\?//p') == "${FFMPEG_VERSION%%.*}".* ]]; }

cache=${XDG_CACHE_HOME:-$HOME/.cache}/quicedge
hash=$(printf '%s\n' "$FFMPEG_VERSION" "${flags[@]}" | sha256sum | cut -c1-12)
prefix=$cache/ffmpeg-$FFMPEG_VERSION-$hash
if [[ ${QUICEDGE_FFMPEG:-} != system && -e $prefix/complete ]]; then
	echo "$prefix"
	exit
fi
if [[ ${QUICEDGE_FFMPEG:-} != static ]]; then
	if system_libav; then echo system; exit; fi
	"$here/packages.sh" build # brings apt's lists up to date where there are none yet
	if [[ ${QUICEDGE_FFMPEG:-} == system ]] || offers_libav; then
		"$here/packages.sh" ffmpeg-system
		if system_libav; then echo system; exit; fi
		echo "native/ffmpeg.sh: this system's libavcodec is not $FFMPEG_LIBAVCODEC.x; unset QUICEDGE_FFMPEG to build FFmpeg $FFMPEG_VERSION" >&2
		exit 1
	fi
fi

step="install build packages"
log=$cache/ffmpeg-$FFMPEG_VERSION.log
trap 'echo "native/ffmpeg.sh: $step failed; the last lines of $log:" >&2; tail -n 15 "$log" >&2 || true
	echo "mend what they name and run native/ffmpeg.sh again; a mirror of Debian can be named with QUICEDGE_DEBIAN_MIRROR=URI" >&2' ERR
mkdir -p "$cache"
: >>"$log"
"$here/packages.sh" build ffmpeg

step="wait for another build"
exec 9>"$cache/ffmpeg.lock"
flock 9
if [[ -e $prefix/complete ]]; then
	echo "$prefix"
	exit
fi
: >"$log"
work=$(mktemp -d "$cache/ffmpeg-build.XXXXXX")
trap 'rm -rf "$work"' EXIT
echo "building FFmpeg $FFMPEG_VERSION, 2 to 7 minutes, once (log: $log)" >&2

step="fetch the source package of FFmpeg from $FFMPEG_SUITE"
mkdir "$work/src"
(
	private_apt "$work/apt" deb-src "$FFMPEG_SUITE"
	cd "$work/src"
	apt-get update
	apt-get source --download-only ffmpeg
	[[ $(echo ffmpeg_*.dsc) == ffmpeg_*"$FFMPEG_VERSION"* ]] || { echo "suite $FFMPEG_SUITE has $(echo *.dsc), not $FFMPEG_VERSION: set FFMPEG_SUITE in native/versions.env"; exit 1; }
) >>"$log" 2>&1
step="unpack the source package"
dpkg-source --no-check -x "$work"/src/ffmpeg_*.dsc "$work/ffmpeg" >>"$log" 2>&1

step="configure FFmpeg"
cd "$work/ffmpeg"
./configure --prefix="$prefix" --pkg-config-flags=--static "${flags[@]}" >>"$log" 2>&1
step="compile FFmpeg"
make -j"$(nproc)" >>"$log" 2>&1
step="install FFmpeg into the cache"
make install DESTDIR="$work/root" >>"$log" 2>&1
# The archives it links go along, so that the prefix needs no -dev package later.
libdir=$(dpkg-architecture -qDEB_HOST_MULTIARCH)
cp /usr/lib/"$libdir"/lib{x264,x265,numa}.a "$work/root$prefix/lib/"
rm -rf "$work/root$prefix/share"
touch "$work/root$prefix/complete"
rm -rf "$prefix"
mv -T "$work/root$prefix" "$prefix"
echo "$prefix"
