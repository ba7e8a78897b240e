#!/bin/sh
# Every script of the tree passes shellcheck. SC2154: top_builddir and the like come from the makefile.
set -u
top=${top_srcdir:-$(cd "$(dirname "$0")/.." && pwd)}
if ! command -v shellcheck >/dev/null 2>&1; then echo "1..0 # SKIP no shellcheck"; exit 0; fi
cd "$top" || exit 99
count=0
for file in bootstrap check demo .ci/run build-aux/prereqs.sh build-aux/image.sh bench/run bench/gpu/run tests/gpu/run tests/gpu/make-kit data-prep/fetch-tahoe data-prep/*.bash \
    tests/mpi-run tests/cuda-build tests/*.t slurm/*.sh tests/*/*.sh; do
    if [ ! -e "$file" ]; then continue; fi
    count=$((count + 1))
    if found=$(shellcheck -x -e SC2154 "$file"); then
        echo "ok $count - $file"
    else
        echo "not ok $count - $file"
        echo "$found" | sed 's/^/# /'
    fi
done
echo "1..$count"
