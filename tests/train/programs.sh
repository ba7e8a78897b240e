#!/bin/sh
# scppdm_vae and scppdm_train as a user and a batch system run them: a signal ends them with a checkpoint
# and exit code 85, the next start goes on, and what must not change is refused without a trace.
top=${top_builddir:-.}
launch=${MPIRUN:-mpirun}
# shellcheck source=tests/tap.sh
. "${top_srcdir:-.}/tests/tap.sh"
# shellcheck source=tests/train/tiny.sh
. "${top_srcdir:-.}/tests/train/tiny.sh"
tiny="$tiny --train.log_every 1 --vae_train.log_every 1"

steps_of() {
    lines=$(grep -cs "\"event\": \"step\", \"stage\": \"$1\"" "$tmp/r/metrics.jsonl")
    echo "${lines:-0}"
}
# until_step STAGE N: wait until a run has logged that many steps.
until_step() {
    i=0
    while [ $i -lt 300 ] && [ "$(steps_of "$1")" -lt "$2" ]; do
        sleep 0.1
        i=$((i + 1))
    done
}
# Options are words of their own on purpose.
# shellcheck disable=SC2086
vae() { run "$1" "$top/scppdm_vae" --run "$tmp/r" --shard "$tmp/s.h5" $tiny --vae_train.steps 40 $2; }
# shellcheck disable=SC2086
train() { run "$1" "$top/scppdm_train" --run "$tmp/r" $tiny $2; }

"$top/tests/train/make_screen" "$tmp/s.h5" 5 9 60 3 >"$tmp/out" 2>"$tmp/err" &&
    "$top/tests/train/make_screen" "$tmp/other.h5" 5 9 60 4 >"$tmp/out" 2>"$tmp/err"
report "two shards"
run 66 "$top/scppdm_vae" --run "$tmp/none" --shard "$tmp/none.h5" && err 'none.h5' && [ ! -e "$tmp/none" ]
report "a missing shard: exit 66, and no folder is made"
run 64 "$top/scppdm_vae" --shard "$tmp/s.h5" && err '\-\-run DIR is required'
report "no run folder: exit 64"
run 66 "$top/scppdm_train" --run "$tmp/r" --shard "$tmp/s.h5" && err 'train the autoencoder first'
report "no autoencoder: exit 66, and which program makes it"
vae 0 "" && [ -e "$tmp/r/latents.h5" ] && [ -e "$tmp/r/vae/best.h5" ] && [ -e "$tmp/r/config.yaml" ]
report "scppdm_vae: latents, checkpoints, settings"

# Far more steps than it will do; the signal goes to the launcher, which passes it on.
if command -v "$launch" >/dev/null 2>&1; then
    # shellcheck disable=SC2086
    "$launch" -n 2 "$top/scppdm_train" --run "$tmp/r" $tiny --train.steps 1000000 >"$tmp/out" 2>"$tmp/err" </dev/null &
    job=$!
    until_step train 20
    kill -USR1 $job
    wait $job
    got=$?
    [ $got -eq 85 ] && err 'stopped by a signal at step [0-9]* with a checkpoint'
    report "SIGUSR1 to the launcher of two ranks: exit 85 ($got)"
    step=$(sed -n 's/.*stopped by a signal at step \([0-9]*\) with.*/\1/p' "$tmp/err" | tail -n 1)
    [ -n "$step" ] && [ -e "$tmp/r/train/ckpt-$step.h5" ] && grep -q "ckpt-$step.h5" "$tmp/r/train/LATEST"
    report "with a checkpoint of that step"
else
    count=$((count + 1))
    echo "ok $count - SIGUSR1 to the launcher # SKIP no $launch"
fi
# shellcheck disable=SC2086
"$top/scppdm_train" --run "$tmp/r" $tiny --train.steps 1000000 >"$tmp/out" 2>"$tmp/err" </dev/null &
job=$!
until_step train "$(($(steps_of train) + 20))"
kill -TERM $job
wait $job
got=$?
[ $got -eq 85 ] && err 'resumed at step' && err 'stopped by a signal'
report "SIGTERM to one process that went on: exit 85 ($got)"

cp "$tmp/r/config.yaml" "$tmp/config.yaml"
train 65 "--train.steps 1000000 --model.dropout 0.2" && err 'model.dropout was 0.15, is now 0.2; set it back'
report "another setting: exit 65"
train 65 "--train.steps 1000000 --train.seed 9" && err 'train.seed was 1, is now 9; set it back'
report "another seed: exit 65"
train 65 "--train.steps 900000" &&
    err 'train.steps was 1000000, is now 900000; set it back, go on all the same with --train.accept_changes'
report "another number of steps: exit 65, and how to go on"
train 65 "--train.steps 1000000 --shard $tmp/other.h5" && err 'belongs to another shard'
report "another shard: exit 65"
cmp "$tmp/config.yaml" "$tmp/r/config.yaml" >"$tmp/out" 2>&1
report "a refused start leaves the settings of the run folder alone"
train 0 "--train.steps 60 --fresh --train.log_every 3" && [ -e "$tmp/r/train/ckpt-60.h5" ] && err 'train 60/60'
report "--fresh starts over, to the end"
# Equations 12 and 14 with the ramps of Appendix D: 0.1 and 0.05 after a fifth of the steps, from 0 at the first.
grep '"event": "step", "stage": "train"' "$tmp/r/metrics.jsonl" | tr -d '{",:' |
    awk '{ step = $6; loss = $8; rise = (step - 1) / (0.2 * 60); if (rise > 1) rise = 1
           part += step > 1 && rise < 1; whole += rise == 1
           off = loss - $10 - rise * (0.1 * $12 + 0.05 * $14); if (off < 0) off = -off; if (off > 1e-5 * loss) bad++ }
        END { printf "%d rising, %d risen, %d bad\n", part, whole, bad; exit !(part > 0 && whole > 0 && !bad) }' >"$tmp/out"
report "the loss is the sum of its terms, two of which rise over a fifth of the steps ($(cat "$tmp/out"))"
train 0 "--train.steps 60" && err 'resumed at step 60'
report "a finished run has nothing left to do"
train 64 "--fresh --guidance.ddim_steps 51" && err 'exceeds diffusion.T (50)' && [ -e "$tmp/r/train/ckpt-60.h5" ]
report "guidance that cannot work: exit 64 before any step, and --fresh has removed nothing"
value_of() { sed -n "/^guidance:/,/^[a-z]/s/^  $1: *//p" "$tmp/r/config.yaml"; }
train 0 "--fresh --train.steps 60 --choose.s_p 0.25 --choose.s_0 0.5 --guidance.s_p 7" && err 'guidance chosen on' &&
    [ "$(value_of s_p)" = 0.25 ] && [ "$(value_of s_0)" = 0.5 ]
report "guidance chosen on validation is what the run folder remembers"
mv "$tmp/r/train" "$tmp/kept" && mkdir "$tmp/r/train" && cp "$tmp/kept/best.h5" "$tmp/r/train"
train 0 "--train.steps 10" && ! err resumed && [ -e "$tmp/r/train/ckpt-10.h5" ]
report "best.h5 without a checkpoint, as a crash between the two leaves it: from the start"
rm -r "$tmp/r/train" && mv "$tmp/kept" "$tmp/r/train"
train 70 "--fresh --train.steps 60 --train.lr 10 --train.weight_decay 10 --train.clip 0 --train.warmup 0" &&
    err 'not finite in 25 steps in a row, up to step [0-9]*; there is no checkpoint yet'
report "a gradient that stays not finite: exit 70"
echo "1..$count"
