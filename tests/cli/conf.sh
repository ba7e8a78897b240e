#!/bin/sh
# The configurations that come with the code: each loads, and paper.yaml says the defaults.
bin=${top_builddir:-.}
src=${top_srcdir:-.}
# shellcheck source=tests/tap.sh
. "${top_srcdir:-.}/tests/tap.sh"

for file in "$src"/mpi/conf/*.yaml; do
    case $file in */prep-*) program=scppdm_prep ;; *) program=scppdm_train ;; esac
    "$bin/$program" --config "$file" --print-config >"$tmp/out" 2>"$tmp/err" </dev/null && [ -s "$tmp/out" ]
    report "$program loads ${file##*/}"
done
"$bin/scppdm_train" --print-config >"$tmp/default" 2>"$tmp/err" </dev/null &&
    "$bin/scppdm_train" --config "$src/mpi/conf/paper.yaml" --print-config >"$tmp/paper" 2>>"$tmp/err" </dev/null &&
    diff "$tmp/default" "$tmp/paper" >>"$tmp/err" 2>&1
report "paper.yaml holds defaults only"
for letter in A B C D E F; do
    "$bin/scppdm_train" --config "$src/mpi/conf/ablation-$letter.yaml" --print-config 2>>"$tmp/err" </dev/null |
        diff "$tmp/default" - >"$tmp/change"
    [ "$(grep -c '^>' "$tmp/change")" -eq 1 ]
    report "ablation-$letter.yaml changes one setting"
done
echo "1..$count"
