#!/bin/sh
# The memory that scppdm_prep --dry-run announces holds: all of Tahoe's genes, much and little memory for sums, one
# rank and two, X by rows, by columns and as an array.
prep=${top_builddir:-.}/scppdm_prep
synth=${top_builddir:-.}/scppdm_synth
plates=${top_builddir:-.}/tests/data/plates
launch=${MPIRUN:-mpirun}
# shellcheck source=tests/tap.sh
. "${top_srcdir:-.}/tests/tap.sh"
export OMP_NUM_THREADS=1

ranks=1 plate=$tmp/plate1.h5ad
run() { # OPTION...: of $plate, on $ranks
    set -- "$prep" --min-cells=5 --threads=2 --drugs "$tmp/drugs.tsv" --output "$tmp/out.h5" "$@" "$plate"
    [ $ranks -eq 1 ] || set -- "$launch" -n $ranks "$@"
    "$@" >"$tmp/stdout" 2>"$tmp/err"
}
planned() { sed -n "s/^ *memory *$1 *\\([0-9]*\\).*/\\1/p" "$tmp/plan"; } # MiB
peak() { sed -n 's/.*peak memory of rank 0 \([0-9]*\) MiB/\1/p' "$tmp/err"; }

"$synth" --preset tiny --plates 1 --repeat 0 --genes 62710 --cells 10 "$tmp" >"$tmp/stdout" 2>"$tmp/err"
report "a plate of 62,710 genes"
holds() { # MEMORY WHAT
    run --dry-run --memory="$1" && cp "$tmp/stdout" "$tmp/plan" && [ "$(planned 'sums, at most')" -lt "$1" ]
    report "$2, --memory=$1: the plan keeps to it"
    run --memory="$1" && [ "$(peak)" -gt 0 ] && [ "$(peak)" -le "$(planned 'peak to be expected')" ]
    report "$2, --memory=$1: $(peak) MiB were used, $(planned 'peak to be expected') announced"
}
for memory in 16 400; do
    holds $memory "by rows"
    [ $memory -eq 16 ] && little=$(peak)
done
[ "$little" -lt "$(peak)" ]
report "less memory for sums, less used"
for how in csc dense; do
    "$plates" --$how "$tmp/plate1.h5ad" "$tmp/$how.h5ad" 2>"$tmp/err"
    report "the same plate, $how"
    plate=$tmp/$how.h5ad
    holds 16 "$how"
done
mkdir "$tmp/narrow"
"$synth" --preset tiny --plates 1 --repeat 0 --genes 100 --cells 10 "$tmp/narrow" >"$tmp/stdout" 2>"$tmp/err" &&
    awk 'BEGIN { print "GENE00151"; for (i = 0; i < 300000; i++) print "ABSENT" i }' >"$tmp/list" &&
    mv "$tmp/drugs.tsv" "$tmp/drugs.wide" && cp "$tmp/narrow/drugs.tsv" "$tmp/drugs.tsv"
report "a plate of 100 genes, and a list of 300,000"
plate=$tmp/narrow/plate1.h5ad
run --dry-run --genes="$tmp/list" --memory=16 && cp "$tmp/stdout" "$tmp/plan" && grep -q 'no parts' "$tmp/plan"
report "the plan of one batch has no parts"
for keep in false true; do
    run --genes="$tmp/list" --memory=16 --keep-parts=$keep && [ "$(peak)" -le "$(planned 'peak to be expected')" ]
    report "more genes are listed than there are, parts $keep: $(peak) MiB, $(planned 'peak to be expected') announced"
done
cp "$tmp/drugs.wide" "$tmp/drugs.tsv"
if command -v "$launch" >/dev/null 2>&1; then
    ranks=2
    for how in plate1 csc; do
        plate=$tmp/$how.h5ad
        holds 16 "$how on 2 ranks"
    done
else
    skip "two ranks" "no $launch"
fi
echo "1..$count"
