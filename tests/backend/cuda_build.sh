#!/bin/sh
# What a build owes to CUDA. Without --with-cuda: nothing, no library of it in any program. With it: machine
# code for every generation that configure chose and PTX for later ones, and programs that start and fall
# back on a machine without a driver. ./check makes both builds (tests/cuda-build).
set -u
top=${top_srcdir:-$(cd "$(dirname "$0")/../.." && pwd)}
build=${top_builddir:-.}
# shellcheck source=tests/tap.sh
. "$top/tests/tap.sh"

if [ ! -x "$build/scppdm_info" ] || ! command -v ldd >/dev/null 2>&1; then
    echo "1..0 # SKIP no ldd, or no program"
    exit 0
fi
if ! grep -q '^#define HAVE_CUDA 1' "$build/config.h"; then
    for program in "$build"/scppdm_*; do
        if [ -x "$program" ]; then ldd "$program"; fi
    done >"$tmp/log" 2>&1
    ! grep -Eq 'libcuda|libcublas|libnccl|libnvidia' "$tmp/log"
    report "a build without CUDA loads no library of CUDA, in any program"
    nm "$build/libscpengine.a" "$build/libscppdm.a" 2>/dev/null | grep -E ' (U|T) (cuda|cublas|nccl)[A-Z]' >"$tmp/log"
    [ ! -s "$tmp/log" ]
    report "and its libraries call none"
    why="configured without --with-cuda: ./check makes a build with it"
    if ! command -v nvcc >/dev/null 2>&1 && [ ! -x /usr/local/cuda/bin/nvcc ]; then why="no nvcc"; fi
    skip "compiled for every generation" "$why"
    echo "1..$count"
    exit 0
fi

archs=$(sed -n 's/^CUDA_GENCODE = //p' "$build/Makefile" | grep -o 'code=sm_[0-9a-z]*' | cut -d = -f 2 | tr '\n' ' ')
# generations FILE: what the containers of its section .nv_fatbin hold, "sm_90" or "ptx 100". A container: 4 words, then
# entries: kind (1: PTX, 2: machine code), bytes of the header and of what follows; word 7 is the generation.
generations() {
    objcopy -O binary --only-section=.nv_fatbin "$1" "$tmp/fatbin" && od -An -v -w16 -t u4 "$tmp/fatbin" | awk '
        { for (i = 1; i <= NF; i++) word[n++] = $i }
        END {
            at = 0
            while (at < n) {
                if (word[at] != 3126193488) { at++; continue }
                end = at + 4 + word[at + 2] / 4
                for (at += 4; at < end && word[at + 1] > 0; at += (word[at + 1] + word[at + 2]) / 4)
                    print (word[at] % 65536 == 1 ? "ptx " : "sm_") word[at + 7]
            }
        }'
}
# holds_all FILE WHAT: it has machine code for all of $archs, and PTX.
holds_all() {
    generations "$1" >"$tmp/log" 2>&1
    missing=
    for arch in $archs; do grep -qx "${arch%a}" "$tmp/log" || missing="$missing $arch"; done
    grep -q '^ptx ' "$tmp/log" || missing="$missing PTX"
    if [ -n "$missing" ]; then echo "# $2 has no$missing"; fi
    [ -z "$missing" ]
    report "$2: ${archs}and PTX"
}
for file in "$build"/src/backend/cuda/*.o; do
    if nm "$file" | grep -q __cudaRegisterFatBinary; then holds_all "$file" "$(basename "$file")"; fi
done
holds_all "$build/scppdm_train" scppdm_train

run 0 "$build/scppdm_info"
report "programs start, whatever the machine has"
if out 'cuda  *available'; then
    skip "without a device" "this machine has one"
    echo "1..$count"
    exit 0
fi
out 'cuda  *not available: no CUDA device'
report "scppdm_info says why there is no device"
run 70 "$build/scppdm_train" --run "$tmp/run" --shard "$tmp/none.h5" --device cuda &&
    err "device 'cuda' cannot be used: no CUDA device: .*--device auto falls back"
report "--device cuda is an error that says so, and what to do"
run 66 "$build/scppdm_train" --run "$tmp/run" --shard "$tmp/none.h5" --device auto &&
    err 'device auto: cuda is not used: no CUDA device' && err 'none.h5'
report "--device auto says so and goes on"
echo "1..$count"
