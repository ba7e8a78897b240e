#!/bin/sh
# The kernels of the cpu backend at every level that this machine has, see src/backend/cpu/level.h: the
# tests of single ops pass at each, and what is no level is refused.
set -u
build=${top_builddir:-.}
log=$(mktemp) || exit 99
trap 'rm -f "$log"' EXIT
count=0
for level in 1 3 4; do
    for test in ops products values; do
        count=$((count + 1))
        if SCPPDM_CPU_LEVEL=$level "$build/tests/ops/$test.t" >"$log" 2>&1; then
            echo "ok $count - level $level: tests/ops/$test.t"
        else
            echo "not ok $count - level $level: tests/ops/$test.t"
            grep -A 2 '^not ok' "$log" | sed 's/^/# /'
        fi
    done
done
count=$((count + 1))
if found=$(SCPPDM_CPU_LEVEL=2 "$build/tests/ops/products.t" 2>&1); then
    echo "not ok $count - level 2 is refused"
elif printf '%s' "$found" | grep -q 'must be 1, 3 or 4'; then
    echo "ok $count - level 2 is refused, with what there is"
else
    echo "not ok $count - level 2 is refused, with what there is"
    printf '%s\n' "$found" | sed 's/^/# /'
fi
echo "1..$count"
