#!/bin/sh
# scppdm_prep as a program: 1, 2 and 4 ranks write the same content; every kind of bad input ends with its
# exit code, a message that names file, row or key, and no file left behind.
prep=${top_builddir:-.}/scppdm_prep
plates=${top_builddir:-.}/tests/data/plates
launch=${MPIRUN:-mpirun}
# shellcheck source=tests/tap.sh
. "${top_srcdir:-.}/tests/tap.sh"
export OMP_NUM_THREADS=1

err() { grep -q -F -e "$1" "$tmp/err"; }
clean() { # no result, no temporary, no scratch
    [ -z "$(find "$tmp/out" -type f)" ] || { find "$tmp/out" -type f | sed 's/^/# left: /'; return 1; }
}
bad() { # CODE TEXT ARGUMENT...: fails with this code, names TEXT, leaves nothing
    want=$1 text=$2; shift 2
    "$prep" --min-cells=3 "$@" --output "$tmp/out/shard.h5" >"$tmp/stdout" 2>"$tmp/err" </dev/null
    got=$?
    [ $got -eq "$want" ] || { echo "# exit code $got, want $want"; return 1; }
    err "$text" && clean
}

mkdir "$tmp/out"
row=$("$plates" "$tmp" 2>"$tmp/err")
report "write plates"
drugs=$tmp/drugs.tsv

if command -v "$launch" >/dev/null 2>&1; then
    for n in 1 2 4; do
        "$launch" -n $n "$prep" --min-cells=3 --drugs "$drugs" --memory $n --output "$tmp/$n.h5" \
            "$tmp/plate2.h5ad" "$tmp/plate1.h5ad" >"$tmp/stdout" 2>"$tmp/err"
        report "$n ranks"
    done
    [ -n "$("$plates" --hash "$tmp/1.h5")" ] &&
        [ "$("$plates" --hash "$tmp/1.h5")" = "$("$plates" --hash "$tmp/2.h5")" ]
    report "2 ranks write what 1 rank writes"
    [ "$("$plates" --hash "$tmp/1.h5")" = "$("$plates" --hash "$tmp/4.h5")" ]
    report "4 ranks write what 1 rank writes"
    "$launch" -n 2 "$prep" --min-cells=3 --drugs "$drugs" --output "$tmp/out/shard.h5" \
        "$tmp/negative.h5ad" >"$tmp/stdout" 2>"$tmp/err"
    [ $? -eq 65 ] && err "$row" && clean
    report "bad data on one of 2 ranks: exit 65, the row is named"
else
    skip "several ranks" "no $launch"
fi

"$prep" --inspect "$tmp/plate1.h5ad" "$tmp/plate2.h5ad" >"$tmp/stdout" 2>"$tmp/err" &&
    grep -q "CSR, .* x 3000" "$tmp/stdout" && grep -q "chunks of 5000, deflate 1" "$tmp/stdout" &&
    [ "$(grep -c "vehicle *'DMSO_TF'" "$tmp/stdout")" -eq 2 ]
report "--inspect says what the files hold"
"$prep" --inspect --json "$tmp/plate1.h5ad" >"$tmp/stdout" 2>"$tmp/err" && [ "$(wc -l <"$tmp/stdout")" -eq 1 ] &&
    grep -q '"layout": *"tahoe"' "$tmp/stdout"
report "--inspect --json: one line"
"$prep" --inspect "$tmp/no-column.h5ad" >"$tmp/stdout" 2>"$tmp/err" &&
    grep -q "cell_line is missing: name the column with --obs-line" "$tmp/stdout"
report "--inspect names what is missing, and the option to give"
bad 66 "$tmp/none.h5ad" --inspect "$tmp/none.h5ad" && bad 65 "drugs.tsv" --inspect "$drugs"
report "--inspect of a missing file: exit 66, of another kind of file: exit 65"
"$prep" --min-cells=3 --drugs "$drugs" --output "$tmp/whole.h5" "$tmp/plate1.h5ad" "$tmp/plate2.h5ad" 2>"$tmp/err" &&
    "$prep" --verify "$tmp/whole.h5" --inputs "$tmp" >"$tmp/stdout" 2>"$tmp/err" &&
    [ "$(grep -c '^ok ' "$tmp/stdout")" -eq 29 ] && [ "$(wc -l <"$tmp/stdout")" -eq 29 ]
report "--verify: a line for every check, exit 0"
head -c 300000 "$tmp/whole.h5" >"$tmp/cut.h5"
bad 65 "cut.h5" --verify "$tmp/cut.h5" && bad 66 "none.h5" --verify "$tmp/none.h5" && bad 65 "drugs.tsv" --verify "$drugs"
report "--verify of a cut shard, a missing one, another kind of file: exit 65, 66, 65"
bad 64 "--inputs" --inputs "$tmp" "$tmp/plate1.h5ad" && bad 64 "--verify" --verify "$tmp/whole.h5" "$tmp/plate1.h5ad"
report "--verify with files, --inputs without it: exit 64"
bad 66 "$tmp/none.h5ad" --drugs "$drugs" "$tmp/none.h5ad"
report "a missing input: exit 66"
head -c 40000 "$tmp/plate1.h5ad" >"$tmp/cut.h5ad"
bad 65 "$tmp/cut.h5ad" --drugs "$drugs" "$tmp/cut.h5ad"
report "a truncated .h5ad: exit 65"
bad 65 "cell_line" --drugs "$drugs" "$tmp/no-column.h5ad" && err "no-column.h5ad"
report "a missing obs column: exit 65, column and file are named"
bad 65 "$row" --drugs "$drugs" "$tmp/bad-dose.h5ad" && err "much" && err "bad-dose.h5ad"
report "a dose that cannot be parsed: exit 65, row and label are named"
bad 65 "combination" --strict --drugs "$drugs" "$tmp/combination.h5ad" && err "$row" && err "('B', 1.0, 'uM')"
report "--strict: a combination of drugs is an error, row and label are named"
"$prep" --min-cells=3 --drugs "$drugs" --output "$tmp/combination.h5" "$tmp/combination.h5ad" >"$tmp/stdout" 2>"$tmp/err" &&
    err "1 cell is left out: combination"
report "without it the cell is left out, with a warning"
bad 65 "$row" --drugs "$drugs" "$tmp/negative.h5ad" && err "negative"
report "a negative count: exit 65, the row is named"
bad 65 "$row" --drugs "$drugs" "$tmp/nan.h5ad"
report "a count that is no number: exit 65, the row is named"
bad 65 "--values=log" --drugs "$drugs" "$tmp/fraction.h5ad"
report "a count that is not whole: exit 65, with the way out"
bad 65 "--values=counts" --drugs "$drugs" --values=log "$tmp/plate1.h5ad"
report "counts declared as log values: exit 65"
bad 65 "ELSE" --drugs "$drugs" "$tmp/plate1.h5ad" "$tmp/other-genes.h5ad"
report "plates of different genes: exit 65, the gene is named"
bad 65 "--var-gene" --drugs "$drugs" "$tmp/twice.h5ad" && err "GENE0007"
report "a gene name twice: exit 65"
bad 65 "no-genes.h5ad" --drugs "$drugs" "$tmp/no-genes.h5ad" && err "no gene"
report "a plate without genes: exit 65, the file is named"
bad 64 "--drugs" "$tmp/plate1.h5ad"
report "no structures at all: exit 64, with the way out"
bad 64 "given twice" --drugs "$drugs" "$tmp/plate1.h5ad" "$tmp/plate1.h5ad"
report "an input twice: exit 64"
bad 64 "no input" --drugs "$drugs"
report "no input: exit 64"
printf 'prep:\n  min_cels: 5\n' >"$tmp/bad.yaml"
bad 64 "min_cels" --config "$tmp/bad.yaml" --drugs "$drugs" "$tmp/plate1.h5ad" && err "min_cells"
report "an unknown config key: exit 64, with the likely one"
bad 66 "none.tsv" --drugs "$tmp/none.tsv" "$tmp/plate1.h5ad"
report "a missing drug table: exit 66"
bad 66 "none.txt" --drugs "$drugs" --genes "$tmp/none.txt" "$tmp/plate1.h5ad"
report "a missing gene list: exit 66"
bad 65 "no usable structure" --drugs "$drugs" --strict "$tmp/plate1.h5ad" && { err "Verteporfin" || err "Broken"; }
report "--strict: a drug without structure is an error, named"
bad 65 "no treated key" --drugs "$drugs" --min-cells=500 "$tmp/plate1.h5ad"
report "nothing left: exit 65, counted by reason"
: >"$tmp/file"
"$prep" --drugs "$drugs" --output "$tmp/file/shard.h5" "$tmp/plate1.h5ad" >"$tmp/stdout" 2>"$tmp/err"
[ $? -eq 74 ] && err "$tmp/file"
report "an output folder that cannot be written: exit 74"
echo "1..$count"
