#!/bin/sh
# scppdm_eval as a user runs it: on anybody's predictions, right and wrong ones; the same files on any
# number of ranks; two runs compared; sampling settings swept in one job and point by point.
top=${top_builddir:-.}
launch=${MPIRUN:-mpirun}
tmp=$(mktemp -d "${TMPDIR:-/tmp}/scppdm-test-XXXXXX") || exit 1
trap 'rm -rf "$tmp"' EXIT
count=0
# shellcheck source=tests/train/tiny.sh
. "${top_srcdir:-.}/tests/train/tiny.sh"
tiny="$tiny --vae_train.steps 10 --train.steps 10"

report() { # WHAT: the result of the command before
    rc=$?
    count=$((count + 1))
    if [ $rc -eq 0 ]; then echo "ok $count - $1"; else
        echo "not ok $count - $1"
        sed 's/^/# out: /' "$tmp/out" | tail -20
        sed 's/^/# err: /' "$tmp/err" | tail -20
    fi
}
run() { # CODE PROGRAM ARGUMENT...
    want=$1; shift
    timeout 60 "$@" >"$tmp/out" 2>"$tmp/err" </dev/null
    got=$?
    [ $got -eq "$want" ] || { echo "# exit code $got, want $want"; return 1; }
}
err() { grep -q -F -e "$1" "$tmp/err"; }
out() { grep -q -e "$1" "$tmp/out"; }
# score CODE KIND OPTION...: the file of this kind, nothing else, on UC, in a run folder of its own.
score() {
    code=$1 kind=$2; shift 2
    mkdir -p "$tmp/$kind"
    "$top/tests/eval/make_pred" "$tmp/s.h5" "$tmp/$kind.h5ad" "$kind" &&
        run "$code" "$top/scppdm_eval" --run "$tmp/$kind" --shard "$tmp/s.h5" --models= \
            --predictions "$tmp/$kind.h5ad" --splits uc "$@"
}
# column FILE NAME ROW: a field of a CSV without quoted commas before it, counted from the end.
column() {
    awk -F, -v name="$2" -v row="$3" 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == name) from_end = NF - i }
        NR == row { print $(NF - from_end) }' "$1"
}

"$top/tests/train/make_screen" "$tmp/s.h5" 5 9 60 3 >"$tmp/out" 2>"$tmp/err"
report "a shard"
score 0 good && err 'genes are in another order' && err '10 conditions matched' &&
    [ -s "$tmp/good/eval/uc/results.csv" ] && [ -s "$tmp/good/eval/uc/real.h5ad" ] &&
    awk -v v="$(column "$tmp/good/eval/uc/results.csv" norm_ratio 2)" 'BEGIN { exit !(v > 0.4999 && v < 0.5001) }'
report "predictions in another order of rows and genes are scored: half of the change is half of it"
score 65 genes && err '1 genes of the file are not in the data set (first: gene 5, ALIEN)' &&
    err '1 genes of the data set are not in the file (first: gene55)' && err 'real.h5ad'
report "other genes: both sides are counted and named"
score 65 fewer && err '1 genes of the data set are not in the file (first: gene0)'
report "a gene that is missing is named"
score 65 twice && err 'gene gene54 occurs twice'
report "a gene that occurs twice is named"
score 65 missing && err 'conditions have no prediction, the first is line' && err 'eval.allow_missing'
report "a condition without a prediction is named, and the way out"
score 0 missing --eval.allow_missing && err '1 conditions without a prediction (first: line' &&
    [ -z "$(column "$tmp/missing/eval/uc/results.csv" mse 2)" ] &&
    grep -q '"not_finite": 1' "$tmp/missing/eval/summary.json"
report "with eval.allow_missing it is an empty field, and counted"
score 0 extra && err 'rows that belong to no condition (first: row 1: line' && err 'Nostrum'
report "rows of no condition are counted and named"
score 65 nan && err 'nan.h5ad' && err 'row'
report "NaN in a prediction: exit 65 with file and row"
score 0 negative && err '% of the predicted values are below 0 and count as 0 (column clipped)'
report "negative values count as 0, and are reported"
score 65 noline && err 'cell_line' && err 'plate'
report "no column of cell lines: the columns that exist are listed"
score 65 baddose && err 'dose_uM' && err '5 uM'
report "a dose that is no number is shown"
printf 'no HDF5' >"$tmp/text.h5ad"
run 65 "$top/scppdm_eval" --run "$tmp/good" --shard "$tmp/s.h5" --models= --predictions "$tmp/text.h5ad" \
    --splits uc && err 'text.h5ad'
report "a file that is no AnnData: exit 65"
head -c 3000 "$tmp/good.h5ad" >"$tmp/cut.h5ad"
run 65 "$top/scppdm_eval" --run "$tmp/good" --shard "$tmp/s.h5" --models= --predictions "$tmp/cut.h5ad" \
    --splits uc && err 'cut.h5ad'
report "a truncated file: exit 65"
"$top/tests/train/make_screen" "$tmp/one.h5" 1 2 60 3 >"$tmp/out" 2>"$tmp/err" &&
    run 65 "$top/scppdm_eval" --run "$tmp/good" --shard "$tmp/one.h5" --models no_change --splits uc &&
    err 'split uc has no conditions' && err 'none of the chosen splits has conditions'
report "an empty split: a warning; when all are empty, exit 65"
run 64 "$top/scppdm_eval" --run "$tmp/good" --shard "$tmp/s.h5" --models= && err 'nothing to score'
report "nothing to score: exit 64"

mkdir -p "$tmp/a" "$tmp/b"
cp "$tmp/good.h5ad" "$tmp/a/uc.h5ad" && cp "$tmp/good.h5ad" "$tmp/b/uc.h5ad"
set -- "$top/scppdm_eval" --run "$tmp/twice" --shard "$tmp/s.h5"
run 64 "$@" --models= --predictions "$tmp/a/uc.h5ad,$tmp/b/uc.h5ad" && err "eval.predictions: 'uc.h5ad' is given twice" &&
    err 'rename prediction files' && [ ! -e "$tmp/twice/eval/summary.json" ]
report "two prediction files of one name: exit 64, and the way out"
run 64 "$@" --models no_change,line_mean,no_change && err "eval.models: 'no_change' is given twice" &&
    run 64 "$@" --models no_change --splits uc,ud,uc && err "eval.splits: 'uc' is given twice"
report "a model or a split twice: exit 64"
cp "$tmp/good.h5ad" "$tmp/a/within_well"
run 64 "$@" --models= --predictions "$tmp/a/within_well" && err 'name of a ceiling'
report "a file with the name of a ceiling: exit 64"

set -- --shard "$tmp/s.h5" --models perturb_mean,context_mean,no_change --predictions "$tmp/both.h5ad"
mkdir "$tmp/r1" "$tmp/r2" "$tmp/r3"
"$top/tests/eval/make_pred" "$tmp/s.h5" "$tmp/both.h5ad" both && run 0 "$top/scppdm_eval" --run "$tmp/r1" "$@" && cp "$tmp/out" "$tmp/table1"
report "means and a file in one table"
if command -v "$launch" >/dev/null 2>&1; then
    run 0 "$launch" -n 2 "$top/scppdm_eval" --run "$tmp/r2" "$@" && cmp "$tmp/table1" "$tmp/out" &&
        run 0 "$launch" -n 3 "$top/scppdm_eval" --run "$tmp/r3" "$@" &&
        diff -r "$tmp/r1" "$tmp/r2" >"$tmp/out" && diff -r "$tmp/r1" "$tmp/r3" >"$tmp/out"
    report "1, 2 and 3 ranks write the same bytes: tables, intervals, comparisons, AnnData files"
fi
missing=
for file in ceilings.tsv comparisons.tsv dose.tsv pseudo_sensitivity.tsv strata.tsv summary.json \
    uc/pred_perturb_mean.h5ad uc/real.h5ad uc/both.h5ad_results.csv ud/results.csv; do
    [ -s "$tmp/r1/eval/$file" ] || missing="$missing $file"
done
[ -z "$missing" ]
report "all files are there$missing"

run 0 "$top/scppdm_eval" --run "$tmp/r2" --shard "$tmp/s.h5" --models context_mean --eval.h5ad=false &&
    run 0 "$top/scppdm_eval" --compare "$tmp/r1,$tmp/r2" --splits uc,ud --output "$tmp/compare.tsv" &&
    out 'pearson_delta' && out 'A - B' && [ "$(grep -c pearson_delta "$tmp/compare.tsv")" -eq 2 ]
report "two runs compared: tables and a file"
run 0 "$top/scppdm_eval" --compare "$tmp/r1,$tmp/r1" --splits uc && out 'mse  *[0-9.]*  *[0-9.]*  *0.0000  *0.0000'
report "a run against itself: no difference"
run 64 "$top/scppdm_eval" --compare "$tmp/r1" && err 'two runs or more'
report "one run alone: exit 64"
run 66 "$top/scppdm_eval" --compare "$tmp/r1,$tmp/nan" --splits uc && err 'score the run first'
report "a run that was not scored: exit 66, and the command"
mkdir -p "$tmp/unscored/checkpoints" && : >"$tmp/unscored/config.yaml"
run 66 "$top/scppdm_eval" --compare "$tmp/r1,$tmp/unscored" --splits uc && err "score the run first (scppdm_eval --run $tmp/unscored"
report "nor one without any scores"
run 65 "$top/scppdm_eval" --compare "$tmp/r1/eval/uc,$tmp/r2" --splits uc && err 'eval/uc/results.csv'
report "the folder of a split, with several models: exit 65, and the file to name"

# A screen with sub-bulks, drugs on two plates, and the truth beside its plates.
run 0 "$top/scppdm_synth" "$tmp/plates" --preset tiny --lines 2 --drugs 6 --genes 60 --plates 3 --repeat 1 \
    --effects gp --table "${top_srcdir:-.}/data-prep/drugs/drugs.tsv" &&
    run 0 "$top/scppdm_prep" "$tmp"/plates/plate*.h5ad --drugs "$tmp/plates/drugs.tsv" --min-cells 5 --replicates 4 \
        --output "$tmp/synth.h5"
report "a synthetic screen as a shard"
set -- --shard "$tmp/synth.h5" --models context_mean,replicate,truth,kriging
mkdir "$tmp/s1" "$tmp/s2" "$tmp/s3"
run 0 "$top/scppdm_eval" --run "$tmp/s1" "$@" && cp "$tmp/out" "$tmp/table1" &&
    [ "$(wc -l <"$tmp/s1/eval/significance.tsv")" -gt 2 ] && grep -q 'within_well' "$tmp/s1/eval/ceilings.tsv"
report "tests on sub-bulks and ceilings have rows"
[ -s "$tmp/s1/eval/uc_truth/results.csv" ] && grep -q '"uc_truth"' "$tmp/s1/eval/summary.json" &&
    grep -q 'against the truth of the screen' "$tmp/table1" &&
    grep -q '"discrimination_score_l1"' "$tmp/s1/eval/summary.json"
report "the truth is scored beside the observation"
awk -F, '$1 == "statistic" { for (i = 1; i <= NF; i++) if ($i == "mse") at = i } $1 == "mean" { exit $at != 0 }' \
    "$tmp/s1/eval/uc_truth/truth_agg_results.csv"
report "the row truth has no error against the truth"
run 64 "$top/scppdm_eval" --run "$tmp/s1" --shard "$tmp/synth.h5" --models kriging --eval.truth none && err '--eval.truth'
report "kriging without a truth: exit 64, and the setting that names it"
if command -v "$launch" >/dev/null 2>&1; then
    run 0 "$launch" -n 2 "$top/scppdm_eval" --run "$tmp/s2" "$@" && cmp "$tmp/table1" "$tmp/out" &&
        run 0 "$launch" -n 3 "$top/scppdm_eval" --run "$tmp/s3" "$@" &&
        diff -r "$tmp/s1" "$tmp/s2" >"$tmp/out" && diff -r "$tmp/s1" "$tmp/s3" >"$tmp/out"
    report "1, 2 and 3 ranks write the same bytes of all of these"
fi
if command -v gnuplot >/dev/null 2>&1; then
    run 0 "$top/scppdm_report" "$tmp/s1" --output "$tmp/page" && grep -q 'context_mean' "$tmp/page/index.html" &&
        grep -q 'uc_truth' "$tmp/page/all_scores.tsv"
    report "and reported"
fi

# shellcheck disable=SC2086
run 0 "$top/scppdm_vae" --run "$tmp/t" --shard "$tmp/s.h5" $tiny && run 0 "$top/scppdm_train" --run "$tmp/t" $tiny
report "a tiny model"
set -- --run "$tmp/t" --splits uc --guidance.readout draws --sweep.s_p 0,1 --sweep.draws 1,2
run 0 "$top/scppdm_eval" "$@" && out 's_p=1 draws=2' && [ "$(grep -c '^uc' "$tmp/t/eval/sweep.tsv")" -eq 4 ]
report "a sweep in one job: a column a point, a row a point in the file"
cp "$tmp/t/eval/sweep.tsv" "$tmp/all.tsv" && rm -r "$tmp/t/eval"
for point in 3 0 1 2; do
    run 0 "$top/scppdm_eval" "$@" --sweep.index $point || break
done
cmp "$tmp/all.tsv" "$tmp/t/eval/sweep.tsv" >"$tmp/out"
report "the same file when each point is a task of an array"
# shellcheck disable=SC2086
run 0 "$top/scppdm_train" --run "$tmp/t" $tiny --train.steps 12 --fresh && run 0 "$top/scppdm_eval" "$@" --sweep.index 1 &&
    [ "$(grep -c '^uc' "$tmp/t/eval/sweep.tsv")" -eq 1 ] && [ "$(find "$tmp/t/eval/sweep" -type f | wc -l)" -eq 5 ]
report "points of another training are left out"
run 64 "$top/scppdm_eval" "$@" --sweep.index 4 && err '4 points'
report "a task beyond the grid: exit 64"
run 0 "$top/scppdm_eval" --run "$tmp/t" --splits uc --models scppdm,no_change &&
    [ -s "$tmp/t/eval/uc/pred_scppdm.h5ad" ] &&
    run 0 "$top/scppdm_eval" --run "$tmp/good" --shard "$tmp/s.h5" --models= --splits uc \
        --predictions "$tmp/t/eval/uc/pred_scppdm.h5ad" --eval.h5ad=false &&
    [ "$(column "$tmp/t/eval/uc/results.csv" discrimination_score_l1 3)" = \
        "$(column "$tmp/good/eval/uc/results.csv" discrimination_score_l1 3)" ]
report "the file of a model scores as the model does"

# The mean of two predictions: its squared error is below the mean of theirs, since x^2 is convex.
mean_mse() { # RUN FILE
    awk -F, '$1 == "statistic" { for (i = 1; i <= NF; i++) if ($i == "mse") at = i } $1 == "mean" { print $at }' \
        "$tmp/$1/eval/uc/$2"
}
set -- --splits uc --eval.h5ad=false --eval.pds=false
# shellcheck disable=SC2086
run 0 "$top/scppdm_vae" --run "$tmp/t2" --shard "$tmp/s.h5" $tiny --vae_train.seed 2 &&
    run 0 "$top/scppdm_train" --run "$tmp/t2" $tiny --train.seed 2 &&
    run 0 "$top/scppdm_eval" --run "$tmp/t2" "$@" --models scppdm &&
    run 0 "$top/scppdm_eval" --run "$tmp/t" "$@" --models scppdm,ensemble --members "$tmp/t2" &&
    echo "$(mean_mse t agg_results.csv) $(mean_mse t2 agg_results.csv) $(mean_mse t ensemble_agg_results.csv)" |
    awk '{ print > "/dev/stderr"; exit !($1 != $2 && $3 > 0 && $3 < ($1 + $2) / 2) }' 2>"$tmp/err"
report "ensemble: the mean of two runs"
run 0 "$top/scppdm_eval" --run "$tmp/t" "$@" --models scppdm,ensemble --members "$tmp/t" &&
    cmp "$tmp/t/eval/uc/agg_results.csv" "$tmp/t/eval/uc/ensemble_agg_results.csv"
report "of a run and itself: that run"
run 64 "$top/scppdm_eval" --run "$tmp/t" "$@" --models ensemble && err '--eval.members'
report "of one run: exit 64, and the setting that names others"
run 66 "$top/scppdm_eval" --run "$tmp/t" "$@" --models ensemble --members "$tmp/nowhere" && err 'nowhere'
report "a run that is not there: exit 66"
run 0 "$top/scppdm_eval" --run "$tmp/t" "$@" --models scppdm,scppdm_residual,autoencoder,autoencoder_residual &&
    cp "$tmp/t/eval/uc/agg_results.csv" "$tmp/profile.csv" &&
    cp "$tmp/t/eval/uc/scppdm_residual_agg_results.csv" "$tmp/residual.csv" &&
    ! cmp -s "$tmp/t/eval/uc/autoencoder_agg_results.csv" "$tmp/t/eval/uc/autoencoder_residual_agg_results.csv" &&
    run 0 "$top/scppdm_eval" --run "$tmp/t" "$@" --models scppdm --guidance.decode residual &&
    cmp "$tmp/t/eval/uc/agg_results.csv" "$tmp/residual.csv" && ! cmp -s "$tmp/profile.csv" "$tmp/residual.csv" &&
    run 0 "$top/scppdm_eval" --run "$tmp/t" "$@" --models scppdm --guidance.decode residual --guidance.residual 0
report "scppdm_residual is scppdm decoded as a change on the control"
cmp "$tmp/t/eval/uc/agg_results.csv" "$tmp/profile.csv"
report "with a share of 0 it is decoded as a profile"
run 64 "$top/scppdm_eval" --run "$tmp/t" "$@" --models ridge_residual && err "unknown model 'ridge_residual'"
report "a model without a decoder has no such row: exit 64"
echo "1..$count"
