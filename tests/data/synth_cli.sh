#!/bin/sh
# scppdm_synth as a program: what it writes, what it prints, and that bad settings end with exit code 64
# or 66, a message that names the setting, and no file.
synth=${top_builddir:-.}/scppdm_synth
table=${top_srcdir:-.}/data-prep/drugs/drugs.tsv
# shellcheck source=tests/tap.sh
. "${top_srcdir:-.}/tests/tap.sh"

bad() { # CODE TEXT ARGUMENT...: fails with this code, names TEXT, leaves nothing
    want=$1 text=$2; shift 2
    "$synth" "$@" >"$tmp/stdout" 2>"$tmp/err" </dev/null
    got=$?
    [ $got -eq "$want" ] || { echo "# exit code $got, want $want"; return 1; }
    grep -q -F -e "$text" "$tmp/err" && [ ! -e "$tmp/out" ]
}

"$synth" "$tmp/screen" --table "$table" --seed 3 >"$tmp/stdout" 2>"$tmp/err" </dev/null
report "preset tiny"
[ "$(cd "$tmp/screen" && echo *)" = \
    "cell_lines.tsv condition_grid.tsv drugs.tsv genes.tsv plate1.h5ad plate2.h5ad samples.tsv truth.h5" ]
report "writes two plates, their tables and the truth"
grep -q "counts a cell, median" "$tmp/stdout" && grep -q "Tahoe-100M plate 10" "$tmp/stdout"
report "prints what it achieved beside the atlas"
[ "$(wc -l <"$tmp/screen/drugs.tsv")" -eq 9 ]
report "eight drugs and a header"

printf 'sample\tplate\tdrugname_drugconc\n' >"$tmp/samples.tsv"
printf 'plate\tcell_line\tdrug\tconc\tn_cells\n' >"$tmp/grid.tsv"
number=1495
for drug in Erlotinib Gefitinib 'Sorafenib ' Vorinostat Imatinib; do
    printf "smp_%d\tplate1\t[('%s', 0.05, 'uM')]\n" $number "$drug" >>"$tmp/samples.tsv"
    printf 'plate1\tCVCL_0023\t%s\t0.05\t400\n' "$drug" >>"$tmp/grid.tsv"
    number=$((number + 1))
done
printf "smp_%d\tplate1\t[('DMSO_TF', 0.0, 'uM')]\n" $number >>"$tmp/samples.tsv"
printf 'plate1\tCVCL_0023\tDMSO_TF\t0.0\t1000\n' >>"$tmp/grid.tsv"
gzip "$tmp/grid.tsv"
"$synth" "$tmp/real" --samples "$tmp/samples.tsv" --grid "$tmp/grid.tsv.gz" --plate-list 1 --lines 1 \
    --fraction 0.1 --axes 2 --table "$table" >"$tmp/stdout" 2>"$tmp/err" </dev/null
report "a design from tables, plain and gzip"
grep -q '^1 plates, 6 wells, 5 treated keys, 300 cells' "$tmp/stdout"
report "has its wells, and a tenth of its cells"
bad 64 "two tables" "$tmp/out" --samples "$tmp/samples.tsv" --table "$table"
report "samples without a grid"

"$synth" "$tmp/keys" --preset keys --plates 3 --mixed 0 --lines 4 --drugs 20 --genes 200 --failed-wells 0 \
    --table "$table" >"$tmp/stdout" 2>"$tmp/err" </dev/null
report "means of keys"
"${top_builddir:-.}/scppdm_prep" --config "${top_srcdir:-.}/mpi/conf/prep-keys.yaml" "$tmp"/keys/keys*.h5ad \
    --drugs "$tmp/keys/drugs.tsv" --output "$tmp/shard.h5" >"$tmp/stdout" 2>"$tmp/err" </dev/null
report "scppdm_prep reads them by prep-keys.yaml"
# 20 drugs and the bridge on four plates, less one well that is both; 16 controls
grep -q '348 keys: 332 pairs of 20 drugs in 4 cell lines on 4 plates' "$tmp/err"
report "and finds the keys of the screen"

"$synth" "$tmp/traps" --traps --cells 60 --table "$table" >"$tmp/stdout" 2>"$tmp/err" </dev/null
report "a screen with a well that failed"
"${top_builddir:-.}/scppdm_prep" "$tmp"/traps/plate*.h5ad --drugs "$tmp/traps/drugs.tsv" --min-cells 25 \
    --output "$tmp/traps.h5" >"$tmp/stdout" 2>"$tmp/err" </dev/null
report "is prepared"
grep -q '6 keys are left out: few_cells' "$tmp/err" && grep -q '12 keys are left out: no_structure' "$tmp/err"
report "without the keys of that well, and of the drug without structure on two plates"

bad 64 "one output folder" --table "$table"
report "no folder"
bad 64 "preset" "$tmp/out" --preset huge --table "$table"
report "an unknown preset"
bad 64 "structure" "$tmp/out" --structure 2 --table "$table"
report "a share above one"
bad 64 "94" "$tmp/out" --drugs 100 --table "$table"
report "more drugs than wells"
bad 64 "123" "$tmp/out" --drugs 200 --plates 9 --table "$table"
report "more drugs than the table has"
bad 66 "nowhere.tsv" "$tmp/out" --table "$tmp/nowhere.tsv"
report "a missing drug table"
printf 'drug\tsmiles\nA\tCCO\nB\tC1CC\n' >"$tmp/broken.tsv"
bad 65 "C1CC" "$tmp/out" --table "$tmp/broken.tsv" --drugs 2 --axes 1
report "a structure that RDKit rejects"
: >"$tmp/file"
"$synth" "$tmp/file/out" --table "$table" >"$tmp/stdout" 2>"$tmp/err" </dev/null
[ $? -eq 74 ] && grep -q "$tmp/file" "$tmp/err"
report "a folder that cannot be made"
# A plate of a size, killed while it is written, then written: nothing may look finished before.
plate() { "$synth" "$tmp/big" --preset plate --genes 3000 --cells-total 60000 --axes 2 --table "$table" "$@"; }
plate --threads 1 >"$tmp/stdout" 2>"$tmp/err" </dev/null &
pid=$!
tries=0
until ls "$tmp"/big/plate1.h5ad.tmp.* >"$tmp/ls" 2>&1 || [ $tries -ge 600 ]; do
    tries=$((tries + 1))
    sleep 0.05
done
kill -9 $pid 2>/dev/null
wait $pid 2>/dev/null
[ ! -e "$tmp/big/plate1.h5ad" ] && [ $tries -lt 600 ]
report "a killed run leaves no plate"
# A disk of a few MiB: the plate does not fit, or its last part does not.
full() { # MIB
    # shellcheck disable=SC2016 # for the inner shell
    unshare -rm sh -c 'mount -t tmpfs -o size=$1m none "$2" && shift 2 && exec "$@"' sh "$1" "$tmp/full" \
        "$synth" "$tmp/full/big" --preset plate --genes 3000 --cells-total 60000 --axes 2 --table "$table" \
        >"$tmp/stdout" 2>"$tmp/err" </dev/null
    [ $? -eq 74 ] && grep -q -i "no space left" "$tmp/err" && grep -q "plate1.h5ad" "$tmp/err"
}
mkdir "$tmp/full"
if unshare -rm mount -t tmpfs none "$tmp/full" 2>/dev/null; then
    full 2
    report "a disk that is full soon ends the run with a message that names the plate"
    full 12
    report "and one that is full at the end"
else
    for what in soon "at the end"; do
        count=$((count + 1))
        echo "ok $count - a full disk $what # SKIP no file system of our own can be mounted"
    done
fi
plate --threads 2 >"$tmp/stdout" 2>"$tmp/err" </dev/null
report "and it can be written after all"
cells=$(sed -n 's/.* treated keys, \([0-9]*\) cells,.*/\1/p' "$tmp/stdout")
[ "$cells" -gt 59900 ] && [ "$cells" -lt 60100 ]
report "with as many cells as were asked for"
grep -q "cells/s a core: .* on 2 cores" "$tmp/stdout"
report "and says how fast it was"
echo "1..$count"
