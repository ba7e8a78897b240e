# shellcheck shell=sh disable=SC2034,SC2154 # variables of bench/run
# Where a training step goes, or a sampling of 256 conditions in 50 steps: bench_step ops, bench_sample ops. The table
# of ops goes to stderr. One process.
#   ours   milliseconds of a step, or of a sampling, with a clock around every op
# -- STEPS GENES WHAT   steps or samplings to average (default 60; 3), genes (default 2000), and denoiser (default), vae
#                       or sample

steps=${1:-}
genes=${2:-2000}
what=${3:-denoiser}
threads=$((ranks * threads))
ranks=1
export OMP_NUM_THREADS="$threads"
case $what in
denoiser) "$build/bench/bench_step" ops "${steps:=60}" "$genes" ;;
vae) "$build/bench/bench_step" ops "${steps:=60}" "$genes" vae ;;
sample) "$build/bench/bench_sample" ops "${steps:=3}" 256 50 "$genes" ;;
*)
    note "breakdown of denoiser, vae or sample, not of $what"
    exit 64
    ;;
esac >"$work/breakdown.txt"
cat "$work/breakdown.txt" >&2
ours=$(awk '$1 == "step" || $1 == "sampling" { if ($3 == "ms;") print $2 }' "$work/breakdown.txt")
share=$(awk '$1 == "products:" { print $9 }' "$work/breakdown.txt")
unit=ms
better=less
floor=
floor_name="none"
peer_value=
peer_name=
peak_mib=null
sizes="{\"what\": \"$what\", \"genes\": $genes, \"steps\": $steps, \"batch\": 256, \"products_percent\": $share}"
emit
