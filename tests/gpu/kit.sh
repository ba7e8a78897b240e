#!/bin/sh
# The GPU kit is complete: copied to an empty folder, every library that its programs load comes from the kit, from
# glibc or from CUDA and its driver; every program starts, and the scripts say in one line that there is no GPU here.
# usage: tests/gpu/kit.sh [KIT]; without KIT one is made of the build, where that has the programs (make gpu-programs).
set -u
top=${top_srcdir:-$(cd "$(dirname "$0")/../.." && pwd)}
build=${top_builddir:-.}
# shellcheck source=tests/tap.sh
. "$top/tests/tap.sh"
kit=$tmp/kit
libraries=$tmp/lib
cuda=/usr/local/cuda/lib64
if [ $# -gt 0 ]; then
    cp -r "$1" "$kit" || exit 66
elif [ -x "$build/tests/gpu/gpu_device" ] && [ -x "$build/bench/bench_gpu" ] && [ -x "$build/tests/backend/cuda_ops.t" ]; then
    "$top/tests/gpu/make-kit" "$build" "$kit" >"$tmp/log" 2>&1
    report "a kit is made of the build, and is not too large"
else
    echo "1..0 # SKIP the programs of the kit are not built (configure --with-cuda, make gpu-programs)"
    exit 0
fi
mkdir "$libraries" && tar -C "$libraries" -xzf "$kit/lib.tar.gz"
report "its libraries unpack"

# What a program loads, by the loader, with the kit's libraries first and without the system's cache.
loader=/lib64/ld-linux-x86-64.so.2
if [ ! -e "$loader" ]; then loader=/lib/ld-linux-aarch64.so.1; fi
foreign() {
    env -i "$loader" --inhibit-cache --library-path "$libraries:$cuda" --list "$1" >"$tmp/log" 2>&1
    awk -v own="$libraries/" '$2 == "=>" && index($3, own) != 1 { print $1 }' "$tmp/log" |
        grep -Ev '^(libc|libm|libdl|librt|libpthread|libcuda|libcudart|libcublas|libcublasLt|libnccl)\.so'
}
for program in "$kit"/bin/*; do
    [ -z "$(foreign "$program")" ]
    report "$(basename "$program") loads nothing but the kit's libraries, glibc and CUDA"
    ! grep -qE 'libmpi|libhdf5|libopen-(pal|rte)' "$tmp/log"
    report "of which none is MPI or HDF5"
done

# Started as on the GPU machine: an environment of nothing else, from another folder.
start() { # CODE PROGRAM ARGUMENT...
    want=$1; shift
    (cd / && env -i PATH=/usr/bin:/bin LD_LIBRARY_PATH="$libraries:$cuda" SCP_TEST_DEVICE=cuda "$@") >"$tmp/out" 2>"$tmp/err"
    [ $? -eq "$want" ]
}
start 0 "$kit/run" --help
report "run tells its usage"
start 0 "$kit/bench/run" --help
report "bench/run tells its usage"
start 64 "$kit/bin/bench_gpu" && err usage
report "bench_gpu starts, and tells its usage"
[ -s "$kit/bench/gpu_torch.py" ] && [ -s "$kit/bench/step_torch.py" ]
report "the peer is there"
if start 77 "$kit/bin/gpu_device"; then
    for program in ops.t parity.t step.t cuda_ops.t; do
        start 0 "$kit/bin/$program" && out '^1\.\.0 # SKIP'
        report "$program starts, and skips: no GPU"
    done
    for script in run bench/run; do
        start 77 "$kit/$script" && [ "$(grep -c skipped "$tmp/out")" -eq 1 ]
        report "$script says in a line that there is no GPU"
    done
else
    [ -s "$tmp/out" ]
    report "gpu_device names the GPU of this machine: what follows is the kit's run"
fi
echo "1..$count"
