# shellcheck shell=sh disable=SC2034,SC2086 # variables for the tests; options are words of their own
# What the tests of faults share: a small screen with its autoencoder in $tmp/base, starts of a training run, checks
# of what it said. Sourced.
top=${top_builddir:-.}
case $top in /*) ;; *) top=$PWD/$top ;; esac
launch=${MPIRUN:-mpirun}
# shellcheck source=tests/tap.sh
. "${top_srcdir:-$(dirname "$0")/../..}/tests/tap.sh"
trap 'clean_up 2>/dev/null; rm -rf "$tmp"' EXIT
clean_up() { :; }
export OMPI_MCA_mpi_yield_when_idle=1 # ranks that wait leave the processors to those that work
# shellcheck source=tests/train/tiny.sh
. "${top_srcdir:-$(dirname "$0")/../..}/tests/train/tiny.sh"
tiny="$tiny --train.log_every 1 --train.warmup 5 --train.validate_every 0"

said() { grep -q -e "$1" "$tmp/log"; }
# run CODE COMMAND...: it ends with this code within a minute.
run() {
    want=$1
    shift
    timeout 60 "$@" >"$tmp/log" 2>&1 </dev/null
    got=$?
    [ $got -eq "$want" ] || { echo "# exit code $got, want $want"; return 1; }
}
# train CODE FOLDER OPTION...: start or go on.
train() {
    code=$1
    folder=$2
    shift 2
    run "$code" "$top/tests/train/killed_train" --run "$folder" --shard "$tmp/s.h5" $tiny "$@"
}
latest() { sed -n 's/^ckpt-\([0-9]*\)\.h5$/\1/p' "$1/train/LATEST" 2>/dev/null; }
# lines FOLDER EVENT: how many of them metrics.jsonl has.
lines() { grep -cs "\"event\": \"$2\", \"stage\": \"train\"" "$1/metrics.jsonl"; }
# steps FOLDER: the steps that metrics.jsonl has, in one line.
steps() { sed -n 's/.*"event": "step", "stage": "train", "step": \([0-9]*\),.*/\1/p' "$1/metrics.jsonl" | tr '\n' ' '; }
# until COMMAND...: wait up to 20 seconds for it.
until_true() {
    i=0
    while ! "$@" && [ $i -lt 400 ]; do
        sleep 0.05
        i=$((i + 1))
    done
}
has_steps() { n=$(lines "$1" step); [ "${n:-0}" -ge "$2" ]; }
# pid_of FOLDER: the process of rank 0, by the status file.
pid_of() { sed -n 's/.*"pid": \([0-9]*\),.*/\1/p' "$1/train/status.json" 2>/dev/null; }
# copy NAME: a folder with the trained autoencoder.
copy() { cp -R "$tmp/base" "$tmp/$1"; }

"$top/tests/train/make_screen" "$tmp/s.h5" 5 9 60 3 >"$tmp/log" 2>&1 &&
    "$top/scppdm_vae" --run "$tmp/base" --shard "$tmp/s.h5" $tiny --vae_train.steps 4 >"$tmp/log" 2>&1
report "a screen and its autoencoder"
