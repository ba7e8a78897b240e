# shellcheck shell=sh disable=SC2016,SC2034,SC2154 # awk programs; variables of bench/run
# One training step of the denoiser at the method's defaults, batch 256, 1024 negatives, 2,000 genes:
# bench_step against PyTorch, first checked to be the same step. One process of ranks x threads threads.
#   ours   seconds of a step, the median over the runs of each run's median
#   peer   the same of peers/step_torch.py; the two run in turn, and the ratio is the median over the turns
#   floor  seconds of the step's matrix products at the rate of one product in the same runs
# The argument is the number of steps in a run (default 40).

steps=${1:-40}
threads=$((ranks * threads))
ranks=1
export OMP_NUM_THREADS="$threads"
step=$build/bench/bench_step
peer_step=$bench/peers/step_torch.py
file=$work/step.safetensors

mine=$("$step" check "$file")
peer_value=
peer_name=
if [ "$peer" = yes ]; then
    python_of torch numpy
    theirs=$("$python" "$peer_step" check "$file")
    peer_name="PyTorch $("$python" -c 'import torch; print(torch.__version__.split("+")[0])'), eager"
    note "loss, norm of the gradient, loss after the update: ours $mine, peer $theirs"
    # shellcheck disable=SC2086 # fields
    if ! printf '%s %s %s %s %s %s\n' $mine $theirs | awk '{
        for (i = 1; i <= 3; i++) { d = $i - $(i + 3); if (d < 0) d = -d; if (!(d <= 1e-4 * $i)) exit 1 } }'; then
        note "the peer does not take the same step"
        exit 70
    fi
fi

runs=$work/step.runs
: >"$runs"
i=0
while [ $i -lt "$repeat" ]; do
    i=$((i + 1))
    line=$("$step" time "$steps")
    if [ "$peer" = yes ]; then line="$line $("$python" "$peer_step" time "$file" "$steps")"; fi
    printf '%s\n' "$line" >>"$runs"
    note "run $i: $(printf '%s\n' "$line" | awk '{
        printf "ours %s (%s to %s): forward %s, backward %s, update %s; product %s GFLOP/s", $1, $2, $3, $4, $5, $6, $7
        if (NF > 9) printf "; peer %s (%s to %s)", $10, $11, $12 }')"
done

ours=$(column_median "$runs" '$1')
floor=$(column_median "$runs" '$8')
peak_mib=$(column_median "$runs" '$9')
if [ "$peer" = yes ]; then
    peer_value=$(column_median "$runs" '$10')
    ratio=$(column_median "$runs" '$10 / $1')
fi
floor_name="matrix products alone"
unit=s
better=less
sizes="{\"batch\": 256, \"negatives\": 1024, \"genes\": 2000, \"pairs\": 2000, \"steps\": $steps, \"runs\": $repeat}"
emit
