#!/bin/sh
# What a build owes to CUDA. Without --with-cuda: nothing, no library of it in any program. With it: machine
# code for every generation that configure chose and PTX for later ones, and programs that start and fall
# back on a machine without a driver.
set -u
build=${top_builddir:-.}
count=0

report() { # OK TEXT
    count=$((count + 1))
    if "$1"; then echo "ok $count - $2"; else echo "not ok $count - $2"; fi
}

libraries=$(ldd "$build/scppdm_info" 2>/dev/null) || { echo "1..0 # SKIP no ldd, or no program"; exit 0; }
if ! grep -q '^#define HAVE_CUDA 1' "$build/config.h"; then
    if echo "$libraries" | grep -Eq 'libcuda|libcublas|libnccl'; then answer=false; else answer=true; fi
    report $answer "a build without CUDA loads no library of CUDA"
    symbols=$(nm "$build/libscpengine.a" 2>/dev/null | grep -cE ' (U|T) (cuda|cublas|nccl)[A-Z]')
    if [ "$symbols" -eq 0 ]; then answer=true; else answer=false; fi
    report $answer "and its engine calls none"
    if command -v nvcc >/dev/null 2>&1 || [ -x /usr/local/cuda/bin/nvcc ]; then why="configured without --with-cuda"; else why="no nvcc"; fi
    count=$((count + 1))
    echo "ok $count - compiled for every generation # SKIP $why"
    echo "1..$count"
    exit 0
fi

nvcc=$(sed -n 's/^NVCC = //p' "$build/Makefile")
dump=$(dirname "$nvcc")/cuobjdump
archs=$(sed -n 's/^CUDA_GENCODE = //p' "$build/Makefile" | grep -o 'code=sm_[0-9a-z]*' | cut -d = -f 2)
if [ ! -x "$dump" ]; then
    count=$((count + 1))
    echo "ok $count - compiled for every generation # SKIP this toolkit has no cuobjdump; nvcc was given $(echo "$archs" | tr '\n' ' ')"
    archs=
fi
for file in "$build"/src/backend/cuda/*.o; do
    if [ -z "$archs" ]; then break; fi
    if ! nm "$file" | grep -q __cudaRegisterFatBinary; then continue; fi
    have=$("$dump" --list-elf --list-ptx "$file" 2>/dev/null)
    answer=true
    for arch in $archs; do
        if ! echo "$have" | grep -q "$arch\.cubin"; then answer=false; echo "# $file has no $arch"; fi
    done
    if ! echo "$have" | grep -q '\.ptx'; then answer=false; echo "# $file has no PTX"; fi
    report $answer "$(basename "$file"): $(echo "$archs" | tr '\n' ' ')and PTX"
done
if "$build/scppdm_info" >/dev/null 2>&1; then answer=true; else answer=false; fi
report $answer "programs start, whatever the machine has"
echo "1..$count"
