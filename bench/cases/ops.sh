# shellcheck shell=sh disable=SC2034,SC2154 # variables of bench/run
# Every op case of tests/ops at its bench size on the cpu backend: bench_ops. One process.
#   ours   milliseconds of one forward and one backward pass of every case, medians, summed
# There is no peer and no floor: the sum serves to compare a build with the one before it.

threads=$((ranks * threads))
ranks=1
export OMP_NUM_THREADS="$threads"
answer=$("$build/bench/bench_ops" "$@")
# shellcheck disable=SC2086 # fields
set -- $answer
ours=$(awk -v f="$2" -v b="$3" 'BEGIN { printf "%.4f", f + b }')
unit=ms
better=less
floor=
floor_name="none"
peer_value=
peer_name=
peak_mib=$4
sizes="{\"cases\": $1, \"forward_ms\": $2, \"backward_ms\": $3}"
emit
