#!/bin/sh
# The kernels of the cpu backend at every level that this machine has, see src/backend/cpu/level.h: what is
# asked for runs, the tests of single ops and of the optimiser pass there, and what is no level is refused.
set -u
build=${top_builddir:-.}
log=$(mktemp) || exit 99
trap 'rm -f "$log"' EXIT
count=0

# Has this machine the level, by the flags that the kernel tells? Level 1 is there always, the others where the
# build has them.
has() {
    if [ "$1" = 1 ]; then return 0; fi
    if ! grep -q '^#define SCP_CPU_LEVELS 1' "$build/config.h"; then return 1; fi
    case $1 in
    3) wanted="avx2 bmi1 bmi2 f16c fma abm movbe" ;;
    4) wanted="avx512f avx512bw avx512cd avx512dq avx512vl" ;;
    5) wanted="avx512f avx512bw avx512cd avx512dq avx512vl avx512_bf16" ;;
    esac
    for flag in $wanted; do
        if ! grep -m 1 '^flags' /proc/cpuinfo | grep -qw "$flag"; then return 1; fi
    done
}

for level in 1 3 4 5; do
    if ! has $level; then
        count=$((count + 1))
        echo "ok $count - level $level # SKIP this build or this processor does not have it"
        continue
    fi
    for test in products ops values optim; do
        count=$((count + 1))
        if SCPPDM_CPU_LEVEL=$level "$build/tests/ops/$test.t" >"$log" 2>&1; then
            echo "ok $count - level $level: tests/ops/$test.t"
        else
            echo "not ok $count - level $level: tests/ops/$test.t"
            grep -A 2 '^not ok' "$log" | sed 's/^/# /'
        fi
        if [ "$test" != products ]; then continue; fi
        count=$((count + 1))
        ran=$(sed -n 's/^# device: //p' "$log")
        if [ "$ran" = "cpu, level $level" ]; then
            echo "ok $count - level $level is what runs"
        else
            echo "not ok $count - level $level is what runs"
            echo "# it is '$ran'"
        fi
    done
done
count=$((count + 1))
if found=$(SCPPDM_CPU_LEVEL=2 "$build/tests/ops/products.t" 2>&1); then
    echo "not ok $count - level 2 is refused"
elif printf '%s' "$found" | grep -q 'must be 1, 3, 4 or 5'; then
    echo "ok $count - level 2 is refused, with what there is"
else
    echo "not ok $count - level 2 is refused, with what there is"
    printf '%s\n' "$found" | sed 's/^/# /'
fi
echo "1..$count"
