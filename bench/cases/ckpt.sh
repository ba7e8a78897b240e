# shellcheck shell=sh disable=SC2016,SC2034,SC2154 # awk programs; variables of bench/run
# What checkpoints cost a training run of the denoiser at the method's defaults, batch 256, 2,000 genes. A run makes one
# every 100 steps, so 50 steps with one to copy and to write and 50 without take turns in the same process; the time of
# each fifty with one is compared with the mean of the fifty before and the fifty after it.
#   ours   seconds of fifty steps with a checkpoint over fifty without, minus 1, in percent: median over all of them
#   floor  the time that training waits for the copy of its state, in percent of fifty steps (what the log tells)
# The argument is the number of steps of a run (default 700).

steps=${1:-700}
shard=$work/ckpt-shard.h5
if [ ! -e "$shard" ]; then
    plates_of "$work/plates-small" --preset small
    prep_turn prep "$plates" "$ranks"
    mv "$work/shard.h5" "$shard"
fi
base=$work/ckpt-base
if [ ! -e "$base/latents.h5" ]; then
    rm -rf "$base"
    turn_on "$ranks" ckpt-vae "$build/scppdm_vae" --run "$base" --shard "$shard" --vae_train.steps 20 \
        --vae.hidden 64 --vae_train.validate_every 0
fi

# fifties LOG: of each fifty with a checkpoint its seconds, and those of the fifties around it; the first 150 steps warm up.
# The record tells the samples a second since the start, so the seconds up to a step.
fifties() {
    sed -n 's/.*"event": "step", "stage": "train", "step": \([0-9]*\),.*"samples_per_second": \([0-9.e+]*\).*/\1 \2/p' "$1" |
        awk '{ t[$1] = $1 * 256 / $2; last = $1 }
             END { for (s = 200; s + 100 <= last; s += 100)
                       print t[s + 50] - t[s], t[s] - t[s - 50], t[s + 100] - t[s + 50] }'
}

rm -f "$work"/ckpt.fifties "$work"/ckpt.writes "$work"/ckpt-train.*
i=0
while [ $i -lt "$repeat" ]; do
    i=$((i + 1))
    rm -rf "$work/ckpt-run"
    cp -R "$base" "$work/ckpt-run"
    turn_on "$ranks" ckpt-train "$build/scppdm_train" -v --run "$work/ckpt-run" --shard "$shard" \
        --vae.hidden 64 --train.batch 256 --train.steps $((steps + 1)) --train.stop_after "$steps" \
        --train.log_every 50 --train.validate_every 0 --train.checkpoint_every 100
    fifties "$work/ckpt-run/metrics.jsonl" >"$work/ckpt.run"
    cat "$work/ckpt.run" >>"$work/ckpt.fifties"
    sed -n 's/.*checkpoint [0-9]*: copied in \([0-9.]*\) s.* took \([0-9.]*\) s (\([0-9.]*\) s.*/\1 \2 \3/p' "$work/ckpt-train.log" >>"$work/ckpt.writes"
    note "run $i: percent of $(wc -l <"$work/ckpt.run") checkpoints: $(awk '{ printf "%.2f ", 200 * $1 / ($2 + $3) - 100 }' "$work/ckpt.run")"
done
ours=$(column_median "$work/ckpt.fifties" '200 * $1 / ($2 + $3) - 100')
step=$(column_median "$work/ckpt.fifties" '($2 + $3) / 100')
copied=$(column_median "$work/ckpt.writes" '$1')
written=$(column_median "$work/ckpt.writes" '$2')
computed=$(column_median "$work/ckpt.writes" '$3')
if awk -v w="$written" -v s="$step" 'BEGIN { exit !(w > 50 * s) }'; then
    note "writing a checkpoint takes longer ($written s) than fifty steps: these turns do not show what it costs"
    exit 70
fi
floor=$(awk -v c="$copied" -v s="$step" 'BEGIN { printf "%.4g", 100 * c / (50 * s) }')
bytes=$(wc -c <"$(find "$work/ckpt-run/train" -name 'ckpt-*.h5' | head -n 1)")
unit="percent of a step"
better=less
floor_name="waiting for the copy"
peer_value=
peer_name=
peak_mib=$(column_median "$work/ckpt-train.runs" '$2')
sizes="{\"steps\": $steps, \"every\": 50, \"batch\": 256, \"genes\": 2000, \"checkpoints\": $(wc -l <"$work/ckpt.fifties"), \"step_seconds\": $step, \"checkpoint_bytes\": $bytes, \"copy_seconds\": $copied, \"write_seconds\": $written, \"write_processor_seconds\": $computed}"
emit
