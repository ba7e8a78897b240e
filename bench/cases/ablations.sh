# shellcheck shell=sh disable=SC2034,SC2154 # variables of bench/run and of bench/study.sh
# The ablations A to F beside the full model: bench/run ablations [--repeat SEEDS] -- CONFIG SHARD [SETTING...]
# SHARD is a file of scppdm_prep with %d for the seed; CONFIG the settings of the model, to which each SETTING is
# added (KEY=VALUE). Guidance is the paper's for all rows, since D and E change nothing where guidance is off: it is
# fixed, not chosen. The table: mean over conditions, mean and standard error over seeds (scppdm_ablate --collect).

config=${1:?ablations needs a file of settings}
shard=${2:?ablations needs a shard, with %d for the seed}
shift 2
# shellcheck source=bench/study.sh
. "$bench/study.sh"
study=$work/ablations-$(basename "$config" .yaml)
ablate_set="--set guidance.s_p=1 --set guidance.s_0=3 --set guidance.doubt=0 --set guidance.spread=0
 --set choose.s_p=[] --set choose.s_0=[] --set choose.doubt=[]"
for setting; do ablate_set="$ablate_set --set $setting"; done

s=0
while [ $s -lt "$repeat" ]; do
    s=$((s + 1))
    # shellcheck disable=SC2059 # the shard's name holds the place of the seed
    file=$(printf "$shard" $s)
    run=$study/seed$s
    # shellcheck disable=SC2086 # a list of options
    piece "$run" vae program scppdm_vae --config "$config" --shard "$file" --run "$run" --set vae_train.seed=$s $ablate_set
    # shellcheck disable=SC2086
    piece "$run" scppdm program scppdm_train --config "$config" --run "$run" --set train.seed=$s $ablate_set
    # shellcheck disable=SC2086
    piece "$run" eval program scppdm_eval --config "$config" --run "$run" --models scppdm --set eval.h5ad=false \
        --set train.seed=$s $ablate_set
    for letter in A B C D E F; do
        # shellcheck disable=SC2086
        piece "$run" "ablation-$letter" program scppdm_ablate "$letter" --config "$config" --run "$run" \
            --set train.seed=$s $ablate_set
    done
done
"$build/scppdm_ablate" --collect "$study" --format markdown | tee "$study/table.md" >&2
for split in uc ud; do
    cat "$study"/seed*/ablations.jsonl | grep -h "\"split\": \"$split\"" >"$study/$split.jsonl"
done
printf '{"case": "ablations", "config": "%s", "seeds": %d, "rows": [%s]}\n' "$(basename "$config")" "$repeat" \
    "$(cat "$study/uc.jsonl" "$study/ud.jsonl" | paste -sd, -)"
