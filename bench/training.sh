# shellcheck shell=sh disable=SC2016,SC2034,SC2154 # awk programs; variables of bench/run
# One training step of a model at the method's defaults, batch 256: bench_step against PyTorch, eager and compiled,
# first checked to be the same step. Sourced by cases/step.sh and cases/vae.sh, which set model (denoiser or vae) and
# peer_script. One process of ranks x threads threads.
#   ours      seconds of a step, the median over the runs of each run's median
#   peer      the same of the peer, eager; all take turns, and a ratio is the median over the turns
#   compiled  the best mode of torch.compile
#   floor     seconds of the step's matrix products at the best rate of one product in the same runs
# -- STEPS GENES   steps in a run (default 40), genes (default 2000)

steps=${1:-40}
genes=${2:-2000}
threads=$((ranks * threads))
ranks=1
export OMP_NUM_THREADS="$threads"
word=
if [ "$model" = vae ]; then word=vae; fi
peer_file=$work/$model-$genes.safetensors

# shellcheck disable=SC2086 # an empty word is none
mine=$("$build/bench/bench_step" check "$peer_file" "$genes" $word)
# same_result MODE: the peer takes the same step in that mode; its three numbers in theirs.
same_result() {
    theirs=$("$python" "$bench/peers/$peer_script" check "$peer_file" "$1" 2>"$work/peer.log") && agree 3 "$mine" "$theirs"
}

if [ "$peer" = yes ]; then
    python_of torch numpy
    if same_result eager; then same=yes; else same=no; fi
    peer_name="PyTorch $("$python" -c 'import torch; print(torch.__version__.split("+")[0])'), eager"
    note "loss, norm of the gradient, loss after the update: ours $mine, peer $theirs"
    if [ $same = no ]; then
        note "the peer does not take the same step"
        exit 70
    fi
fi

# shellcheck disable=SC2086
ours_once() { "$build/bench/bench_step" time "$steps" "$genes" $word; }
turns_with_peer "$steps"
rm -f "$peer_file"

ours=$(column_median "$work/ours.runs" '$1')
floor=$(column_median "$work/ours.runs" '$8')
peak_mib=$(column_median "$work/ours.runs" '$9')
idle_mib=$(column_median "$work/ours.runs" '$12')
note "plan $(column_median "$work/ours.runs" '$10') MiB, $(column_median "$work/ours.runs" '$11') without reuse of memory;" \
    "one product $(column_median "$work/ours.runs" '$7') GFLOP/s"
floor_name="matrix products alone"
unit=s
better=less
sizes="{\"batch\": 256, \"genes\": $genes, \"pairs\": 2000, \"steps\": $steps, \"runs\": $repeat, \
\"forward\": $(column_median "$work/ours.runs" '$4'), \"backward\": $(column_median "$work/ours.runs" '$5'), \
\"update\": $(column_median "$work/ours.runs" '$6'), \"gflops\": $(column_median "$work/ours.runs" '$7'), \
\"plan_mib\": $(column_median "$work/ours.runs" '$10'), \"plan_apart_mib\": $(column_median "$work/ours.runs" '$11')}"
emit
