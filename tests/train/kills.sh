#!/bin/sh
# kill -9 again and again over one training run: at random moments, and at chosen calls to the file system (a
# checkpoint half written, before and after a rename, a line of metrics cut in the middle). Every start goes on from
# the newest checkpoint, and in the end weights, moments and metrics are those of a run that nobody killed, bit for
# bit. SCP_TEST_LONG=1: 100 kills, else 6. SCP_TEST_SEED chooses the moments.
top=${top_builddir:-.}
# shellcheck source=tests/tap.sh
. "${top_srcdir:-$(dirname "$0")/../..}/tests/tap.sh"
seed=${SCP_TEST_SEED:-1}
kills=6
steps=600
if [ "${SCP_TEST_LONG:-0}" = 1 ]; then kills=100 steps=5000; fi
# shellcheck source=tests/train/tiny.sh
. "${top_srcdir:-$(dirname "$0")/../..}/tests/train/tiny.sh"
tiny="$tiny --train.log_every 5 --train.checkpoint_every 10 --train.validate_every 40"

# random N LEAST MOST: the N-th number of the sequence of this seed.
random() { awk -v n="$1" -v a="$2" -v b="$3" -v s="$seed" 'BEGIN { srand(s * 100003 + n); rand(); print a + int(rand() * (b - a + 1)) }'; }
# Options are words of their own on purpose.
# shellcheck disable=SC2086
train() { # FOLDER: start or go on
    cd "$tmp/$1" && exec "$top/tests/train/killed_train" --run r --shard ../s.h5 $tiny --train.steps $steps
}
latest() { sed -n 's/^ckpt-\([0-9]*\)\.h5$/\1/p' "$tmp/killed/r/train/LATEST" 2>/dev/null; }
resumed() { sed -n 's/.*resumed at step \([0-9]*\).*/\1/p' "$tmp/log" | tail -n 1; }
# curve FOLDER: the lines of steps and scores without what depends on time.
curve() { grep -E '"event": "(step|validate)", "stage": "train"' "$tmp/$1/r/metrics.jsonl" | sed 's/, "samples_per_second".*//'; }
starts() { grep -c '"event": "start", "stage": "train"' "$tmp/killed/r/metrics.jsonl" 2>/dev/null; }

# until_started N: wait until the run has written its N-th line of a start.
until_started() {
    i=0
    while [ "$(starts)" -lt "$1" ] && [ $i -lt 1000 ]; do
        sleep 0.01
        i=$((i + 1))
    done
}
# check_resumed BEFORE STARTS: the start that has ended, if it got so far as to begin, went on from where LATEST
# pointed before it, or further.
check_resumed() {
    from=$(resumed)
    if [ "$(starts)" -gt "${2:-0}" ] && [ "${from:-0}" -lt "${1:-0}" ]; then lost="$lost ${from:-0}<$1"; fi
}

case $top in /*) ;; *) top=$PWD/$top ;; esac
# shellcheck disable=SC2086
mkdir "$tmp/whole" "$tmp/killed" && "$top/tests/train/make_screen" "$tmp/s.h5" 5 9 60 3 >"$tmp/log" 2>&1 &&
    (cd "$tmp/whole" && "$top/scppdm_vae" --run r --shard ../s.h5 $tiny --vae_train.steps 20) >"$tmp/log" 2>&1 &&
    cp -R "$tmp/whole/r" "$tmp/killed/r"
report "a screen and its autoencoder"
(train whole) >"$tmp/log" 2>&1
report "a run that nobody kills: $steps steps"

k=0
lost=
died=0
timed=0
while [ $died -lt $kills ] && [ $k -lt $((kills * 3)) ] && [ ! -e "$tmp/killed/r/weights.safetensors" ]; do
    k=$((k + 1))
    before=$(latest)
    was=$(starts)
    if [ $((k % 2)) -eq 0 ]; then
        SCP_KILL=$(random $k 3 90):$(random $((k + 5000)) 1 3 | sed 's/1/before/; s/2/after/; s/3/half/')
        export SCP_KILL
        (train killed) >"$tmp/log" 2>&1 &
        pid=$!
        unset SCP_KILL
    else
        (train killed) >"$tmp/log" 2>&1 &
        pid=$!
        until_started $((${was:-0} + 1))
        sleep "$(random $k 0 60 | awk '{ printf "%.3f", $1 / 1000 }')"
        kill -9 $pid 2>/dev/null && timed=$((timed + 1))
    fi
    wait $pid 2>/dev/null # the shell tells of the kill
    got=$?
    if [ $got -eq 137 ]; then died=$((died + 1)); fi
    check_resumed "$before" "$was"
done
[ $died -eq $kills ]
report "$died of $k starts were ended by kill -9, $timed of them at a random moment, the others at a call"
[ -z "$lost" ]
report "no start lost a step beyond the newest checkpoint$lost"
before=$(latest)
was=$(starts)
(train killed) >"$tmp/log" 2>&1 && check_resumed "$before" "$was" && [ -z "$lost" ]
report "the last start runs to the end, from step $(resumed)"
cmp "$tmp/whole/r/weights.safetensors" "$tmp/killed/r/weights.safetensors" >>"$tmp/log" 2>&1
report "the weights are those of the run that nobody killed, bit for bit"
cmp "$tmp/whole/r/train/ckpt-$steps.h5" "$tmp/killed/r/train/ckpt-$steps.h5" >>"$tmp/log" 2>&1 &&
    cmp "$tmp/whole/r/train/best.h5" "$tmp/killed/r/train/best.h5" >>"$tmp/log" 2>&1
report "so are the moments, the counters and the best checkpoint"
curve whole >"$tmp/a" && curve killed >"$tmp/b" && [ -s "$tmp/a" ] && diff "$tmp/a" "$tmp/b" >>"$tmp/log" 2>&1
report "metrics.jsonl has every step once, with the same losses and scores"
! find "$tmp/killed/r" -name '*.tmp.*' | grep .
report "nothing half written is left"
echo "1..$count"
