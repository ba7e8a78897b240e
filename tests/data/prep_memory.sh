#!/bin/sh
# The memory that scppdm_prep --dry-run announces holds: all of Tahoe's genes, much and little memory for sums.
prep=${top_builddir:-.}/scppdm_prep
synth=${top_builddir:-.}/scppdm_synth
# shellcheck source=tests/tap.sh
. "${top_srcdir:-.}/tests/tap.sh"
export OMP_NUM_THREADS=1

run() { "$prep" --min-cells=5 --threads=2 --drugs "$tmp/drugs.tsv" --output "$tmp/out.h5" "$@" "$tmp/plate1.h5ad" \
    >"$tmp/stdout" 2>"$tmp/err"; }
planned() { sed -n "s/^ *memory *$1 *\\([0-9]*\\).*/\\1/p" "$tmp/plan"; } # MiB
peak() { sed -n 's/.*peak memory of rank 0 \([0-9]*\) MiB/\1/p' "$tmp/err"; }

"$synth" --preset tiny --plates 1 --repeat 0 --genes 62710 --cells 10 "$tmp" >"$tmp/stdout" 2>"$tmp/err"
report "a plate of 62,710 genes"
for memory in 16 400; do
    run --dry-run --memory=$memory && cp "$tmp/stdout" "$tmp/plan" && [ "$(planned 'sums, at most')" -lt $memory ]
    report "--memory=$memory: the plan keeps to it"
    run --memory=$memory && [ "$(peak)" -gt 0 ] && [ "$(peak)" -le "$(planned 'peak to be expected')" ]
    report "--memory=$memory: $(peak) MiB were used, $(planned 'peak to be expected') announced"
    [ $memory -eq 16 ] && little=$(peak)
done
[ "$little" -lt "$(peak)" ]
report "less memory for sums, less used"
echo "1..$count"
