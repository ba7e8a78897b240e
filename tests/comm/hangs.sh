#!/bin/sh
# A rank that hangs, in every program that works on several ranks: rank 1 stops at a call of MPI, on which the others
# wait. The job ends by itself, exit code 75, and says which operation has not ended. What was on disk under its final
# name stays whole. Training has its own test, tests/train/faults_ranks.sh.
#
# How long ranks may wait for each other goes by what a whole preparation takes here and now: on a busy machine a rank
# that is only late must not pass for one that hangs.
top=${top_builddir:-.}
launch=${MPIRUN:-mpirun}
# shellcheck source=tests/tap.sh
. "${top_srcdir:-$(dirname "$0")/../..}/tests/tap.sh"
if ! command -v "$launch" >/dev/null 2>&1; then
    echo "1..0 # SKIP no $launch"
    exit 0
fi
case $top in /*) ;; *) top=$PWD/$top ;; esac
export OMPI_MCA_mpi_yield_when_idle=1 ASAN_OPTIONS="${ASAN_OPTIONS:+$ASAN_OPTIONS:}verify_asan_link_order=0"
# shellcheck source=tests/train/tiny.sh
. "${top_srcdir:-$(dirname "$0")/../..}/tests/train/tiny.sh"

"$top/scppdm_synth" "$tmp/plates" >"$tmp/log" 2>&1
report "plates"
began=$(date +%s)
"$launch" -n 2 "$top/scppdm_prep" --min-cells 5 --drugs "$tmp/plates/drugs.tsv" --output "$tmp/s.h5" \
    "$tmp"/plates/plate*.h5ad >"$tmp/log" 2>&1 </dev/null
report "a shard, by two ranks that do not hang"
whole=$(($(date +%s) - began))
limit=$((4 + 2 * whole))

# hang NAME CALL PROGRAM ARGUMENT...: on two ranks; its log and exit code are NAME.log and NAME.rc.
hang() {
    name=$1
    call=$2
    shift 2
    SCP_STOP="$call@1" timeout $((60 + 10 * limit)) "$launch" -n 2 env LD_PRELOAD="$top/tests/comm/stopper.so" "$@" \
        >"$tmp/$name.log" 2>&1 </dev/null
    echo $? >"$tmp/$name.rc"
}
# ended NAME TEXT: rank 1 stopped, the job ended with 75, and rank 0 said TEXT.
ended() {
    cp "$tmp/$1.log" "$tmp/log"
    [ "$(cat "$tmp/$1.rc")" = 75 ] || { echo "# exit code $(cat "$tmp/$1.rc"), want 75; limit $limit s"; return 1; }
    grep -q '^rank 1 stops at' "$tmp/log" && grep -q "\[0 .*\] error .*$2 has not ended in" "$tmp/log"
}
# prep NAME CALL OPTION...: a preparation that hangs, where a shard is already.
prep() {
    name=$1
    call=$2
    shift 2
    cp "$tmp/s.h5" "$tmp/$name.h5"
    hang "$name" "$call" "$top/scppdm_prep" --min-cells 5 --drugs "$tmp/plates/drugs.tsv" --output "$tmp/$name.h5" \
        --comm-timeout $limit "$@" "$tmp"/plates/plate*.h5ad
}

# Two at a time: they mostly wait.
hang synth MPI_Send:1 "$top/scppdm_synth" "$tmp/hung" --plates 1 --repeat 0 --comm-timeout $limit &
prep prep-Reduce MPI_Reduce:1
wait
prep prep-Write MPI_File_write_at_all:1 &
prep prep-Send MPI_Send:1 --single-writer
wait
# shellcheck disable=SC2086 # options are words of their own
hang vae MPI_Allreduce:120 "$top/scppdm_vae" --run "$tmp/vae" --shard "$tmp/s.h5" --comm-timeout $limit $tiny &
mkdir "$tmp/run"
hang eval MPI_Allreduce:12 "$top/scppdm_eval" --run "$tmp/run" --shard "$tmp/s.h5" --models perturb_mean,no_change \
    --comm-timeout "$(awk -v s=$limit 'BEGIN { print s / 16 }')" --device cpu
wait

ended synth 'a message from another rank'
report "scppdm_synth: a rank that hangs before it sends its cells"
[ ! -e "$tmp/hung/truth.h5" ] && [ -z "$(find "$tmp/hung" -name 'plate*.h5ad')" ]
report "and no plate has its final name"
ended prep-Reduce 'a reduction'
report "scppdm_prep: before the sums of a batch meet"
ended prep-Write '\(a collective write\|closing a file by all ranks\)'
report "scppdm_prep: before a collective write of HDF5"
ended prep-Send 'the rows of all ranks for the one that writes'
report "scppdm_prep --single-writer: before it sends its rows"
cmp "$tmp/s.h5" "$tmp/prep-Reduce.h5" && cmp "$tmp/s.h5" "$tmp/prep-Write.h5" && cmp "$tmp/s.h5" "$tmp/prep-Send.h5"
report "the shards of before are untouched"
ended vae 'an all-reduce of step [0-9]* of vae'
report "scppdm_vae, in a step: operation and step are named"
ended eval 'an all-reduce'
report "scppdm_eval, in 16 times --comm-timeout: the operation is named"
echo "1..$count"
