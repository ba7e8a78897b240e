#!/bin/sh
# Faults of a training run on several ranks: one is stopped (SIGSTOP) for a moment or for good, one is killed. The
# job ends by itself, soon, with a message and a code that is not 0, and goes on from its checkpoint.
# shellcheck source=tests/train/faults_lib.sh
. "${top_srcdir:-$(dirname "$0")/../..}/tests/train/faults_lib.sh"
if ! command -v "$launch" >/dev/null 2>&1; then
    echo "1..0 # SKIP no $launch"
    exit 0
fi

# start FOLDER RANKS OPTION...: in the background, until it has done 50 steps; sets job and pid (of rank 0).
start() {
    folder=$1
    n=$2
    shift 2
    # shellcheck disable=SC2086 # options
    timeout 90 "$launch" -n "$n" "$top/scppdm_train" --run "$folder" --shard "$tmp/s.h5" $tiny --train.checkpoint_every 20 \
        "$@" >"$tmp/log" 2>&1 </dev/null &
    job=$!
    until_true has_steps "$folder" 50
    pid=$(pid_of "$folder")
}
# ended CODE SECONDS: the job ends with this code (any but 0: "bad") in that time.
ended() {
    began=$(date +%s)
    wait $job
    got=$?
    took=$(($(date +%s) - began))
    echo "# exit code $got after $took s"
    if [ "$1" = bad ]; then [ $got -ne 0 ]; else [ $got -eq "$1" ]; fi && [ $took -le "$2" ]
}

copy hung
start "$tmp/hung" 2 --train.steps 1000000 --comm-timeout 3
kill -STOP "$pid" && ended 75 40
report "rank 0 is stopped for good: the job ends by itself, exit code 75"
said '\[1 .*\] error .*of step [0-9]* of train has not ended in 3 s: a rank hangs or is gone'
report "rank 1 names operation, step and time"
last=$(latest "$tmp/hung")
start "$tmp/hung" 2 --train.steps 1000000 --comm-timeout 10 --train.stop_after 100
ended 0 60 && said "resumed at step $last"
report "the next start goes on from its newest checkpoint (step $last)"

copy pause
start "$tmp/pause" 2 --train.steps 400 --comm-timeout 5
kill -STOP "$pid" && sleep 2 && kill -CONT "$pid" && ended 0 60
report "a rank that is stopped for 2 s of the 5 allowed: the run goes to its end"

copy killed
start "$tmp/killed" 4 --train.steps 1000000
kill -9 "$pid" && ended bad 60
report "kill -9 of one rank of four ends the job"
start "$tmp/killed" 2 --train.steps 1000000 --train.stop_after 100
ended 0 60 && said 'resumed at step'
report "which goes on, here on two ranks"
echo "1..$count"
