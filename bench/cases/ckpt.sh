# shellcheck shell=sh disable=SC2016,SC2034,SC2154 # awk programs; variables of bench/run
# What checkpoints cost: a training run of the denoiser at the method's defaults with one every 50 steps, over the same
# run with none on the way. The autoencoder is the smallest that will do; the screen is the demo's.
#   ours   seconds of a step with checkpoints over those without, minus 1, in percent: median over pairs of runs
#   floor  the time that a step waits for the copy of its state, in percent of the 50 steps (what the log tells)
# The argument is the number of steps of a run (default 300).

steps=${1:-300}
shard=$work/ckpt-shard.h5
plates=$work/plates-demo
plates_of "$plates" --preset demo
if [ ! -e "$shard" ]; then
    prep_turn prep "$plates" "$ranks"
    mv "$work/shard.h5" "$shard"
fi
base=$work/ckpt-base
if [ ! -e "$base/latents.h5" ]; then
    rm -rf "$base"
    turn ckpt-vae "$mpirun" -n "$ranks" "$build/scppdm_vae" --run "$base" --shard "$shard" --vae_train.steps 20 \
        --vae.hidden 64 --vae_train.validate_every 0
fi

# train_turn NAME EVERY: one run; appends the seconds of a step to NAME.steps.
train_turn() {
    rm -rf "$work/ckpt-run"
    cp -R "$base" "$work/ckpt-run"
    turn "$1" "$mpirun" -n "$ranks" "$build/scppdm_train" -v --run "$work/ckpt-run" --shard "$shard" --vae.hidden 64 \
        --train.batch 256 --train.steps $((steps + 1)) --train.stop_after "$steps" --train.log_every "$steps" \
        --train.validate_every 0 --train.checkpoint_every "$2"
    sed -n 's/.*"stage": "train".*"samples_per_second": \([0-9.e+]*\).*/\1/p' "$work/ckpt-run/metrics.jsonl" |
        awk '{ v = 256 / $1 } END { print v }' >>"$work/$1.steps"
}

rm -f "$work"/ckpt-with.* "$work"/ckpt-without.*
i=0
while [ $i -lt "$repeat" ]; do
    i=$((i + 1))
    train_turn ckpt-without 1000000
    train_turn ckpt-with 50
done
paste -d ' ' "$work/ckpt-with.steps" "$work/ckpt-without.steps" >"$work/ckpt.pairs"
note "seconds of a step with and without: $(tr '\n' ';' <"$work/ckpt.pairs")"
ours=$(column_median "$work/ckpt.pairs" '100 * ($1 / $2 - 1)')
copied=$(sed -n 's/.*checkpoint [0-9]*: copied in \([0-9.]*\) s.*/\1/p' "$work/ckpt-with.log" | sort -g | awk '{ x[NR] = $1 } END { print x[int(NR / 2) + 1] }')
step=$(column_median "$work/ckpt-without.steps" '$1')
floor=$(awk -v c="${copied:-0}" -v s="$step" 'BEGIN { printf "%.4g", 100 * c / (50 * s) }')
bytes=$(wc -c <"$(find "$work/ckpt-run/train" -name 'ckpt-*.h5' | head -n 1)")
unit="percent of a step"
better=less
floor_name="waiting for the copy"
peer_value=
peer_name=
peak_mib=$(column_median "$work/ckpt-with.runs" '$2')
sizes="{\"steps\": $steps, \"every\": 50, \"batch\": 256, \"step_seconds\": $step, \"checkpoint_bytes\": $bytes, \"copy_seconds\": ${copied:-null}}"
emit
