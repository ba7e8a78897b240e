#!/bin/sh
# A run that goes on with 4, 2, 1 and 4 ranks has the loss curve of one that had 4 all the time, to the rounding of
# sums over ranks.
# shellcheck source=tests/train/faults_lib.sh
. "${top_srcdir:-$(dirname "$0")/../..}/tests/train/faults_lib.sh"
if ! command -v "$launch" >/dev/null 2>&1; then
    echo "1..0 # SKIP no $launch"
    exit 0
fi
# ranks N FOLDER OPTION...: start or go on.
ranks() {
    n=$1
    folder=$2
    shift 2
    # shellcheck disable=SC2086 # options
    run 0 "$launch" -n "$n" "$top/scppdm_train" --run "$folder" --shard "$tmp/s.h5" $tiny --train.steps 40 "$@"
}
curve() { sed -n 's/.*"event": "step", "stage": "train", "step": \([0-9]*\), "loss": \([^,]*\),.*/\1 \2/p' "$1/metrics.jsonl"; }

copy whole
copy parts
ranks 4 "$tmp/whole"
report "4 ranks all the time"
ranks 4 "$tmp/parts" --train.stop_after 10 && ranks 2 "$tmp/parts" --train.stop_after 10 && said 'resumed at step 10'
report "10 steps on 4 ranks, 10 on 2"
ranks 1 "$tmp/parts" --train.stop_after 10 && said 'resumed at step 20'
report "10 on 1"
ranks 4 "$tmp/parts" && said 'resumed at step 30'
report "the rest on 4"
curve "$tmp/whole" >"$tmp/a"
curve "$tmp/parts" >"$tmp/b"
worst=$(paste -d ' ' "$tmp/a" "$tmp/b" | awk '
    $1 != $3 || NF != 4 { bad = 1 }
    { d = $2 / $4 - 1; if (d < 0) d = -d; if (d > worst) worst = d }
    END { print (bad || NR != 40) ? 1 : worst }')
awk -v w="$worst" 'BEGIN { exit !(w <= 1e-5) }'
report "every step once, and its loss is the same to $worst"
echo "1..$count"
