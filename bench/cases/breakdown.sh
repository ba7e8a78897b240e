# shellcheck shell=sh disable=SC2034,SC2154 # variables of bench/run
# Where a training step goes: bench_step ops. The table of ops goes to stderr. One process.
#   ours   milliseconds of a step with a clock around every op
# -- STEPS GENES   steps to average (default 60), genes (default 2000)

steps=${1:-60}
genes=${2:-2000}
threads=$((ranks * threads))
ranks=1
export OMP_NUM_THREADS="$threads"
"$build/bench/bench_step" ops "$steps" "$genes" >"$work/breakdown.txt"
cat "$work/breakdown.txt" >&2
ours=$(awk '$1 == "step" { print $2 }' "$work/breakdown.txt")
unit=ms
better=less
floor=
floor_name="none"
peer_value=
peer_name=
peak_mib=null
sizes="{\"genes\": $genes, \"steps\": $steps, \"batch\": 256, \"negatives\": 1024}"
emit
