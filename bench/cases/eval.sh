# shellcheck shell=sh disable=SC2016,SC2034,SC2086,SC2154 # awk programs; variables of bench/run
# Scores of one prediction file: scppdm_eval against cell-eval's bulk metrics.
#   ours   wall seconds of the whole program: shard, predictions, every metric of doc/metrics.md at three
#          pseudo-counts, result files
#   peer   wall seconds of reading the same truth and predictions and of cell-eval's eight bulk metrics,
#          in one process
# There is no floor. sizes.scaling is ours with 1 rank over ours with --ranks.
#
# -- LINES DRUGS GENES   2 x LINES x DRUGS conditions; the default 1 1000 10000 has 2,000 in one line, so
#                        that discrimination scores compare each with 2,000

if [ $# -eq 0 ]; then set -- 1 1000 10000; fi
if [ $# -ne 3 ]; then note "bench/run eval -- LINES DRUGS GENES"; exit 64; fi
data=$work/eval-$1-$2-$3
if [ ! -e "$data/pred.h5ad" ]; then
    mkdir -p "$data"
    "$build/bench/bench_eval" "$data" "$@" >&2
fi
cat "$data"/* >/dev/null # into the page cache
if [ "$peer" = yes ]; then python_of cell-eval; fi
rm -f "$work/eval1.runs" "$work/eval.runs" "$work/peer.runs"
score() { # NAME RANKS
    turn_on "$2" "$1" "$build/scppdm_eval" --run "$work/eval-run" --shard "$data/shard.h5" --models= \
        --predictions "$data/pred.h5ad" --splits uc --eval.h5ad=false
}
mkdir -p "$work/eval-run"
i=0
while [ $i -lt "$repeat" ]; do
    i=$((i + 1))
    score eval1 1
    score eval "$ranks"
    if [ "$peer" = no ]; then continue; fi
    rm -rf "$work/cell-eval"
    turn peer env OMP_NUM_THREADS=$((ranks * threads)) OPENBLAS_NUM_THREADS=$((ranks * threads)) \
        "$python" "$bench/peers/cell_eval_bulk.py" "$data/real.h5ad" "$data/pred.h5ad" "$work/cell-eval"
done

ours=$(column_median "$work/eval.runs" '$1')
one=$(column_median "$work/eval1.runs" '$1')
peak_mib=$(column_median "$work/eval.runs" '$2')
floor=
floor_name=none
peer_value=
peer_name=
if [ "$peer" = yes ]; then
    peer_value=$(column_median "$work/peer.runs" '$1')
    peer_name="cell-eval $("$python" -c 'import importlib.metadata as m; print(m.version("cell-eval"))')"
    peer_mib=$(column_median "$work/peer.runs" '$2')
    note "the peer, seconds of reading and of scoring: $(tail -n 1 "$work/peer.log")"
    agree=$("$python" "$bench/peers/compare_scores.py" "$work/eval-run/eval/uc/results.csv" "$work/cell-eval") ||
        { echo "eval: the peer's scores are others: $agree" >&2; exit 1; }
    note "$agree"
fi
note "1 rank: $one s; $ranks ranks: $ours s; $(divide "$one" "$ours") times"
unit=s
better=less
sizes="{\"conditions\": $((2 * $1 * $2)), \"lines\": $1, \"genes\": $3, \"one_rank\": $one, \
\"scaling\": $(divide "$one" "$ours"), \"peer_mib\": ${peer_mib:-null}}"
emit
