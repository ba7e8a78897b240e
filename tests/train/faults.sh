#!/bin/sh
# Faults of a training run in one process: a full disk, a folder that refuses files, a damaged checkpoint, a torn
# line of metrics, a second run in the same folder, a clock that jumps, losses that are not finite; and what
# scppdm_info --run makes of a run that runs, was killed, has finished.
# shellcheck source=tests/train/faults_lib.sh
. "${top_srcdir:-$(dirname "$0")/../..}/tests/train/faults_lib.sh"

info() { run "$1" "$top/scppdm_info" --run "$2" --json; }
copy whole
train 0 "$tmp/whole" --train.steps 60 --train.checkpoint_every 20 && said 'checkpoint 60'
report "a run of 60 steps; its last line of progress names the checkpoint"
info 0 "$tmp/whole" && said '"state": "finished".*"step": 60, "steps": 60.*"checkpoint": "ckpt-60.h5", "checkpoint_whole": true'
report "scppdm_info --run: finished, exit code 0"
info 66 "$tmp"
report "scppdm_info --run: no run there, exit code 66"

copy killed
# shellcheck disable=SC2086 # options
"$top/tests/train/killed_train" --run "$tmp/killed" --shard "$tmp/s.h5" \
    $tiny --train.steps 1000000 --train.checkpoint_every 20 >"$tmp/log2" 2>&1 </dev/null &
job=$!
until_true has_steps "$tmp/killed" 100
info 75 "$tmp/killed" && said '"state": "running"'
report "scppdm_info --run: running, exit code 75"
train 75 "$tmp/killed" --train.steps 1000000 && said 'another run holds'
report "a second run in the folder of one that runs: exit code 75"
kill -STOP $job && info 75 "$tmp/killed" && said '"state": "halted"'
report "scppdm_info --run: its process is stopped"
kill -CONT $job
kill -9 $job
wait $job 2>/dev/null
info 85 "$tmp/killed" && said '"state": "dead"'
report "scppdm_info --run: killed, with a checkpoint to go on from, exit code 85"

copy damaged
train 0 "$tmp/damaged" --train.steps 60 --train.checkpoint_every 20 --train.stop_after 40 &&
    printf 'x' | dd of="$tmp/damaged/train/ckpt-40.h5" bs=1 seek=5000 conv=notrunc 2>/dev/null &&
    printf '{"event": "step", "sta' >>"$tmp/damaged/metrics.jsonl" &&
    train 0 "$tmp/damaged" --train.steps 60 --train.checkpoint_every 20 &&
    said 'ckpt-40.h5: truncated or damaged.*looking for' && said 'using the checkpoint of step 20' && said 'resumed at step 20'
report "the newest checkpoint is damaged: the one before is used, and it is said"
cmp "$tmp/whole/weights.safetensors" "$tmp/damaged/weights.safetensors" >>"$tmp/log" 2>&1
report "with the same weights in the end"
[ "$(steps "$tmp/damaged")" = "$(steps "$tmp/whole")" ] && ! grep -q '"sta$' "$tmp/damaged/metrics.jsonl"
report "metrics.jsonl has every step once; a torn line is gone"
train 0 "$tmp/damaged" --train.steps 60 --fresh && [ "$(steps "$tmp/damaged")" = "$(steps "$tmp/whole")" ] &&
    [ "$(lines "$tmp/damaged" start)" -eq 1 ]
report "--fresh begins the record again"

# Which of the two meets the full disk first, the thread that writes or the loop, is chance.
copy full
SCP_DISK=1000000 train 74 "$tmp/full" --train.steps 60 --train.checkpoint_every 20 &&
    said 'cannot \(write .*ckpt-40.h5\|append to .*metrics.jsonl\): No space left on device' && [ -z "$(find "$tmp/full" -name '*.tmp.*')" ] &&
    [ "$(latest "$tmp/full")" = 20 ]
report "a checkpoint that the disk has no room for: exit code 74, named, nothing half written, the one before stays"
info 85 "$tmp/full"
report "scppdm_info --run: there is a checkpoint to go on from, exit code 85"
train 0 "$tmp/full" --train.steps 60 --train.checkpoint_every 20 &&
    cmp "$tmp/whole/weights.safetensors" "$tmp/full/weights.safetensors" >>"$tmp/log" 2>&1
report "with room again it goes to the end, with the same weights"

clean_up() { if [ -n "${mounted:-}" ]; then umount "$tmp/disk"; fi; }
mkdir "$tmp/disk"
if mount -t tmpfs -o size=3m none "$tmp/disk" 2>"$tmp/log"; then
    mounted=yes
    cp -R "$tmp/base" "$tmp/disk/r"
    train 74 "$tmp/disk/r" --train.steps 400 --train.checkpoint_every 20 --train.keep 100 &&
        said 'cannot write .*: No space left on device'
    report "a file system that is full: exit code 74, named"
    mount -o remount,ro "$tmp/disk" 2>/dev/null && train 74 "$tmp/disk/r" --train.steps 400 && said 'Read-only file system'
    report "the folder is read-only: exit code 74 before any step"
else
    for what in "a file system that is full" "the folder is read-only"; do
        skip "$what" "no file system can be mounted here"
    done
fi

copy clock
SCP_CLOCK_JUMP=86400 train 0 "$tmp/clock" --train.steps 60 --train.checkpoint_every 20 &&
    cmp "$tmp/whole/weights.safetensors" "$tmp/clock/weights.safetensors" >>"$tmp/log" 2>&1 &&
    ! grep -q '"samples_per_second": \(null\|-\)' "$tmp/clock/metrics.jsonl"
report "the time of day jumps by days: the same weights, and rates that make sense"

copy bad
train 0 "$tmp/bad" --train.steps 100 --train.stop_after 10 &&
    train 70 "$tmp/bad" --train.steps 100 --train.lr 10 --train.weight_decay 10 --train.clip 0 --train.accept_changes &&
    said 'not finite in 25 steps in a row, up to step [0-9]*; the last good checkpoint is that of step 10'
report "losses that stay not finite: exit code 70, and the last good checkpoint"
info 70 "$tmp/bad" && said '"state": "failed".*"message": "train: loss or gradient was not finite'
report "scppdm_info --run: failed, with the message, exit code 70"
train 0 "$tmp/bad" --train.lr 1e-4 --train.weight_decay 1e-5 --train.clip 1 && said 'resumed at step 10' && [ -e "$tmp/bad/train/ckpt-100.h5" ]
report "with the settings back it goes on from there"
echo "1..$count"
