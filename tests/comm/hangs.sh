#!/bin/sh
# A rank that hangs, in every program that works on several ranks: rank 1 stops at a call of MPI, on which the others
# wait. The job ends by itself, exit code 75, and says which operation has not ended. What was on disk under its final
# name stays whole. Training has its own test, tests/train/faults_ranks.sh.
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

# hang NAME CALL PROGRAM ARGUMENT...: in the background, on two ranks; its log and exit code are NAME.log and NAME.rc.
hang() {
    name=$1
    export SCP_STOP="$2@1"
    shift 2
    (
        timeout 60 "$launch" -n 2 env LD_PRELOAD="$top/tests/comm/stopper.so" "$@" >"$tmp/$name.log" 2>&1 </dev/null
        echo $? >"$tmp/$name.rc"
    ) &
}
# ended NAME TEXT: rank 1 stopped, the job ended with 75, and rank 0 said TEXT.
ended() {
    cp "$tmp/$1.log" "$tmp/log"
    [ "$(cat "$tmp/$1.rc")" = 75 ] || { echo "# exit code $(cat "$tmp/$1.rc"), want 75"; return 1; }
    grep -q '^rank 1 stops at' "$tmp/log" && grep -q "\[0 .*\] error .*$2.* has not ended in" "$tmp/log"
}

"$top/scppdm_synth" "$tmp/plates" >"$tmp/log" 2>&1 &&
    "$top/scppdm_prep" --min-cells 5 --drugs "$tmp/plates/drugs.tsv" --output "$tmp/s.h5" "$tmp"/plates/plate*.h5ad >"$tmp/log" 2>&1
report "plates and a shard"
mkdir "$tmp/run"

hang synth MPI_Send:1 "$top/scppdm_synth" "$tmp/hung" --plates 1 --repeat 0 --comm-timeout 5
for way in Reduce:1 File_write_at_all:1 Send:1; do
    single=
    if [ $way = Send:1 ]; then single=--single-writer; fi
    cp "$tmp/s.h5" "$tmp/prep-${way%:1}.h5"
    # shellcheck disable=SC2086 # an option or none
    hang "prep-${way%:1}" "MPI_$way" "$top/scppdm_prep" --min-cells 5 --drugs "$tmp/plates/drugs.tsv" \
        --output "$tmp/prep-${way%:1}.h5" --comm-timeout 5 $single "$tmp"/plates/plate*.h5ad
done
# shellcheck disable=SC2086 # options are words of their own
hang vae MPI_Allreduce:12 "$top/scppdm_vae" --run "$tmp/vae" --shard "$tmp/s.h5" --comm-timeout 5 $tiny
hang eval MPI_Allreduce:12 "$top/scppdm_eval" --run "$tmp/run" --shard "$tmp/s.h5" --models perturb_mean,no_change \
    --comm-timeout 0.3 --device cpu
wait

ended synth 'a message from another rank'
report "scppdm_synth: a rank that hangs before it sends its cells"
[ ! -e "$tmp/hung/truth.h5" ] && [ -z "$(find "$tmp/hung" -name 'plate*.h5ad')" ]
report "and no plate has its final name"
ended prep-Reduce 'a reduction'
report "scppdm_prep: before the sums of a batch meet"
ended prep-File_write_at_all '\(a collective write\|closing a file by all ranks\)'
report "scppdm_prep: before a collective write of HDF5"
ended prep-Send 'the rows of all ranks for the one that writes'
report "scppdm_prep --single-writer: before it sends its rows"
cmp "$tmp/s.h5" "$tmp/prep-Reduce.h5" && cmp "$tmp/s.h5" "$tmp/prep-File_write_at_all.h5" && cmp "$tmp/s.h5" "$tmp/prep-Send.h5"
report "the shards of before are untouched"
ended vae 'an\{0,1\} '
report "scppdm_vae"
ended eval 'an\{0,1\} '
report "scppdm_eval, in 16 times --comm-timeout"
echo "1..$count"
