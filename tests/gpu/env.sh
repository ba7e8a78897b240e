# shellcheck shell=sh disable=SC2034 # variables of tests/gpu/run and bench/gpu/run
# Where the programs of the GPU scripts are, and the libraries that they need. Sourced.

# gpu_programs HERE BUILD: sets programs to the folder of the binaries: that of a kit, or one of links
# into a build folder.
gpu_programs() {
    kit=
    if [ -d "$1/bin" ] && [ -z "$2" ]; then
        kit=$1
        programs=$1/bin
        return 0
    fi
    gpu_build=${2:-build}
    if [ ! -x "$gpu_build/tests/gpu/step.t" ]; then
        echo "no GPU tests in $gpu_build: configure --with-cuda, then make gpu-programs, or name the folder with --build" >&2
        return 66
    fi
    gpu_build=$(cd "$gpu_build" && pwd)
    programs=
    return 0
}

# gpu_libraries WORK: puts what the programs load on LD_LIBRARY_PATH: the kit's own libraries, and those of
# CUDA, which may be a toolkit's or those that came with PyTorch.
gpu_libraries() {
    if [ -z "$programs" ]; then
        programs=$1/bin
        mkdir -p "$programs"
        for file in tests/ops/ops.t tests/model/parity.t tests/gpu/step.t tests/gpu/gpu_device bench/bench_gpu \
            tests/backend/cuda_ops.t; do
            if [ -x "$gpu_build/$file" ]; then ln -sf "$gpu_build/$file" "$programs/"; fi
        done
    fi
    dirs=
    if [ -n "$kit" ] && [ -e "$kit/lib.tar.gz" ]; then
        mkdir -p "$1/lib"
        tar -C "$1/lib" -xzf "$kit/lib.tar.gz" || return 66
        dirs=$1/lib
    fi
    site=$(python3 -c 'import nvidia; print(list(nvidia.__path__)[0])' 2>/dev/null || true)
    for dir in /usr/local/cuda/lib64 /usr/local/cuda/targets/x86_64-linux/lib "$site"/*/lib; do
        if [ -d "$dir" ]; then dirs=$dirs${dirs:+:}$dir; fi
    done
    LD_LIBRARY_PATH=$dirs${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
    export LD_LIBRARY_PATH
    missing=$(ldd "$programs"/* 2>/dev/null | awk '/not found/ { print $1 }' | sort -u | tr '\n' ' ')
    if [ -n "$missing" ]; then
        echo "libraries that the GPU programs need are missing here: $missing" >&2
        return 66
    fi
}
