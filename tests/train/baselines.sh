#!/bin/sh
# The baselines by the same programs as the model: trained on one or two ranks, without an autoencoder,
# scored in the same table, predicted into the same files; refused on another shard.
top=${top_builddir:-.}
src=${top_srcdir:-.}
launch=${MPIRUN:-mpirun}
# shellcheck source=tests/tap.sh
. "${top_srcdir:-.}/tests/tap.sh"

short="--train.steps 20 --train.batch 16 --baseline.hidden 12,10 --baseline.adapter 8,6 --device cpu"

"$top/tests/train/make_screen" "$tmp/s.h5" 5 9 60 3 >"$tmp/out" 2>"$tmp/err" &&
    "$top/tests/train/make_screen" "$tmp/other.h5" 5 9 60 4 >"$tmp/out" 2>"$tmp/err"
report "two shards"
for model in ridge linear mlp; do
    # shellcheck disable=SC2086
    run 0 "$top/scppdm_train" --run "$tmp/r" --shard "$tmp/s.h5" $short \
        --config "$src/mpi/conf/baseline-$model.yaml" --train.steps 20 --train.batch 16 &&
        [ -e "$tmp/r/$model/best.h5" ] && [ -e "$tmp/r/config-$model.yaml" ]
    report "baseline-$model.yaml trains $model"
done
for model in linear_shift mlp_shift; do
    # shellcheck disable=SC2086
    run 0 "$top/scppdm_train" --run "$tmp/r" --shard "$tmp/s.h5" $short --model $model &&
        [ -e "$tmp/r/$model/best.h5" ]
    report "--model $model"
done
run 0 "$top/scppdm_train" --run "$tmp/r" --config "$src/mpi/conf/baseline-ridge.yaml" && err 'were done before'
report "a second fit of ridge finds the first, and the shard by the model that the file names"
run 0 "$top/scppdm_eval" --run "$tmp/r" --shard "$tmp/s.h5" --splits ud \
    --models ridge,linear,linear_shift,mlp,mlp_shift,global_mean --eval.h5ad=false &&
    grep -q 'ridge *linear *linear_shift *mlp *mlp_shift *global_mean' "$tmp/out" &&
    [ -s "$tmp/r/eval/ud/mlp_shift_results.csv" ] && grep -q '"ridge"' "$tmp/r/eval/summary.json"
report "one table of all of them"
run 0 "$top/scppdm_predict" --run "$tmp/r" --shard "$tmp/s.h5" --models ridge --splits uc &&
    [ -s "$tmp/r/pred_uc.h5ad" ]
report "a prediction file"
run 65 "$top/scppdm_eval" --run "$tmp/r" --shard "$tmp/other.h5" --models ridge && err 'trained on another shard'
report "another shard: exit 65"
run 66 "$top/scppdm_eval" --run "$tmp/r" --shard "$tmp/s.h5" --models scppdm && err 'scppdm_train --model scppdm'
report "what is not trained: exit 66, and the command that trains it"
# shellcheck disable=SC2086
run 65 "$top/scppdm_train" --run "$tmp/r" --shard "$tmp/s.h5" --model mlp $short --baseline.dropout 0.5 && err 'other settings'
report "another setting on resume: exit 65"
"$top/tests/train/make_screen" "$tmp/wide.h5" 2 4 20001 3 >"$tmp/out" 2>"$tmp/err" &&
    run 64 "$top/scppdm_train" --run "$tmp/wide" --shard "$tmp/wide.h5" --model linear && err '\-\-model ridge' &&
    run 0 "$top/scppdm_train" --run "$tmp/wide" --shard "$tmp/wide.h5" --model ridge
report "too many genes for linear: exit 64 and the way out, which works"
latent="--baseline.state latent --model linear_shift --train.steps 5 --train.batch 4 --baseline.adapter 4,4 --device cpu"
# shellcheck disable=SC2086
run 66 "$top/scppdm_train" --run "$tmp/wide" --shard "$tmp/wide.h5" $latent && err 'train the autoencoder first' &&
    run 0 "$top/scppdm_vae" --run "$tmp/wide" --shard "$tmp/wide.h5" --vae.latent 8 --vae.hidden 8 --vae_train.steps 3 \
        --vae_train.batch 4 --device cpu &&
    run 0 "$top/scppdm_train" --run "$tmp/wide" --shard "$tmp/wide.h5" $latent &&
    run 0 "$top/scppdm_eval" --run "$tmp/wide" --shard "$tmp/wide.h5" --models linear_shift,no_change --eval.h5ad=false \
        --eval.pds=false --splits train
report "linear from the latent, at any number of genes, once there is an autoencoder"
# shellcheck disable=SC2086
run 0 "$top/scppdm_vae" --run "$tmp/wide" --shard "$tmp/wide.h5" --vae.latent 8 --vae.hidden 8 --vae_train.steps 3 \
    --vae_train.batch 4 --vae_train.seed 7 --fresh --device cpu &&
    run 65 "$top/scppdm_eval" --run "$tmp/wide" --shard "$tmp/wide.h5" --models linear_shift --splits train &&
    err 'latents of another autoencoder'
report "and of that autoencoder only: exit 65"
if command -v "$launch" >/dev/null 2>&1; then
    run 0 "$launch" -n 2 "$top/scppdm_train" --run "$tmp/two" --shard "$tmp/s.h5" --model ridge &&
        run 0 "$top/scppdm_eval" --run "$tmp/two" --shard "$tmp/s.h5" --models ridge --splits ud --eval.h5ad=false &&
        cmp "$tmp/r/eval/ud/results.csv" "$tmp/two/eval/ud/results.csv"
    report "two ranks fit what one fits, to the last digit of every score"
fi
echo "1..$count"
