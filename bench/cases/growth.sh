# shellcheck shell=sh disable=SC2034,SC2154 # variables of bench/run
# What a training step of the denoiser costs by genes, by batch and by ranks, and what a model calibrated here says of
# 1 to 1,024 GPUs: bench_scaling. Tables on stderr, the model's assumptions among them.
#   ours    how many times faster a step of batch 256 is on --ranks ranks than on one (strong scaling), 10,000 genes
#   floor   as many times as ranks
# -- STEPS GENES   steps to take the median of (default 20), genes of batch and ranks (default 10000)

steps=${1:-20}
genes=${2:-10000}
scaling=$build/bench/bench_scaling

# step_on RANKS GENES BATCH: "ranks seconds averaging MiB"
step_on() { "$mpirun" -n "$1" "$scaling" step "$steps" "$2" "$3" 2>"$work/growth.log"; }

show() { printf '%-10s %8s %7s %7s %10s %12s %10s %9s\n' "$@" >&2; }

# row WHAT RANKS GENES BATCH: a line of the table; sets seconds.
row() {
    # shellcheck disable=SC2046 # fields
    set -- "$1" "$2" "$3" "$4" $(step_on "$2" "$3" "$4")
    seconds=$6
    show "$1" "$2" "$3" "$4" "$6" "$(awk -v b="$4" -v s="$6" 'BEGIN { printf "%.0f", b / s }')" "$7" "$8"
    rows="${rows:+$rows, }{\"what\": \"$1\", \"ranks\": $2, \"genes\": $3, \"batch\": $4, \"seconds\": $6, \"averaging\": $7, \"mib\": $8}"
}

rows=
show what ranks genes batch seconds "samples/s" averaging MiB/rank
for g in 2000 10000 28000 62000; do row genes 1 $g 256; done
for b in 64 128 256 512 1024; do row batch 1 "$genes" $b; done
row strong 1 "$genes" 256
one=$seconds
row strong "$ranks" "$genes" 256
strong=$seconds
row weak "$ranks" "$genes" "$((256 * ranks))"
weak=$seconds
row strong 1 2000 256
row strong "$ranks" 2000 256
row weak "$ranks" 2000 "$((256 * ranks))"
note
"$scaling" model "$genes" "$steps" | tee "$work/growth-model.txt" >&2
ours=$(divide "$one" "$strong")
unit='times'
better='more'
floor=$ranks
floor_name="as many times as ranks"
peer_value=
peer_name=
peak_mib=null
sizes="{\"steps\": $steps, \"weak_efficiency\": $(divide "$one" "$weak"), \"rows\": [$rows]}"
emit
