#!/bin/sh
# Compiles dataplane.c and writes its Go face. The result is committed, and the same compiler gives the same bytes in any
# folder; BPF_CLANG names the compiler where it is not clang-16.
set -eu
cd "$(dirname "$0")"

clang=${BPF_CLANG:-clang-16}
if ! "$clang" --version 2>/dev/null | grep -q 'version 16\.'; then
	echo "bpf: $clang is not clang 16: apt-get install clang-16 llvm-16 libbpf-dev linux-libc-dev, or set BPF_CLANG" >&2
	exit 1
fi

# -mcpu=v3: Linux 5.1 and later. The two -I are where Debian keeps asm/types.h on amd64 and arm64.
GOPACKAGE=bpf BPF2GO_STRIP=${BPF_STRIP:-llvm-strip-16} go tool bpf2go -cc "$clang" -target bpfel \
	-type counter -type flow -type handshake -type hook -type reason -type verdict -type profile_flag -type steering_flag \
	-type table -type prefix_key4 -type prefix_key6 -type prefix_value \
	Dataplane dataplane.c -- \
	-O2 -mcpu=v3 -Wall -Wextra -Werror \
	-I/usr/include/x86_64-linux-gnu -I/usr/include/aarch64-linux-gnu

# What only tests run, in files of their own.
test_object() {
	GOPACKAGE=dataplane BPF2GO_STRIP=${BPF_STRIP:-llvm-strip-16} go tool bpf2go -cc "$clang" -target bpfel \
		-output-dir ../internal/dataplane -output-stem "$1" -output-suffix _test -no-global-types \
		"$2" "$3" -- \
		-O2 -mcpu=v3 -Wall -Wextra -Werror \
		-I/usr/include/x86_64-linux-gnu -I/usr/include/aarch64-linux-gnu
}
test_object cid testCID testcid.c
test_object tables testTables testtables.c
