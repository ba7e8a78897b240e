# shellcheck shell=sh disable=SC2016,SC2034,SC2154 # awk programs; variables of bench/run
# The sampler: conditions to profiles by guided DDIM, three passes, and the decoder: bench_sample against PyTorch, eager
# and compiled, first checked to give the same profiles. One process of ranks x threads threads.
#   ours      seconds for all conditions, the median over the runs of each run's median
#   peer      the same of the peer, eager; all take turns, and a ratio is the median over the turns
#   compiled  the best mode of torch.compile
#   floor     seconds of the products that remain, at the rate of one product in the same runs
# -- CONDITIONS DDIM GENES SAMPLINGS   default 256 50 2000, 5 samplings in a run

conditions=${1:-256}
ddim=${2:-50}
genes=${3:-2000}
samplings=${4:-5}
threads=$((ranks * threads))
ranks=1
export OMP_NUM_THREADS="$threads"
peer_script=sample_torch.py
peer_file=$work/sample-$genes.safetensors

# same_result MODE: the peer samples the same in that mode; the two differences in theirs.
same_result() {
    theirs=$("$python" "$bench/peers/$peer_script" check "$peer_file" "$1" 2>"$work/peer.log") && within 1e-4 2 "$theirs"
}

if [ "$peer" = yes ]; then
    python_of torch numpy
    "$build/bench/bench_sample" check "$peer_file" "$conditions" "$ddim" "$genes"
    if same_result eager; then same=yes; else same=no; fi
    peer_name="PyTorch $("$python" -c 'import torch; print(torch.__version__.split("+")[0])'), eager"
    note "largest differences of latents and profiles, as shares of the largest value: $theirs"
    if [ $same = no ]; then
        note "the peer does not sample the same"
        exit 70
    fi
fi

ours_once() { "$build/bench/bench_sample" time "$samplings" "$conditions" "$ddim" "$genes"; }
turns_with_peer "$samplings"
rm -f "$peer_file"

ours=$(column_median "$work/ours.runs" '$1')
floor=$(column_median "$work/ours.runs" '$7')
peak_mib=$(column_median "$work/ours.runs" '$9')
idle_mib=$(column_median "$work/ours.runs" '$10')
floor_name="matrix products alone"
unit=s
better=less
sizes="{\"conditions\": $conditions, \"ddim_steps\": $ddim, \"passes\": 3, \"genes\": $genes, \"runs\": $repeat, \
\"latents\": $(column_median "$work/ours.runs" '$4'), \"gflop_step_plain\": $(column_median "$work/ours.runs" '$5'), \
\"gflop_step\": $(column_median "$work/ours.runs" '$6'), \"gflops\": $(column_median "$work/ours.runs" '$8')}"
emit
