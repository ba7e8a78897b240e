#!/bin/sh
# scppdm_ablate: trains what differs in the network, takes the full model's network for what differs in
# sampling only, and prints the table over run folders.
top=${top_builddir:-.}
# shellcheck source=tests/tap.sh
. "${top_srcdir:-.}/tests/tap.sh"
# shellcheck source=tests/train/tiny.sh
. "${top_srcdir:-.}/tests/train/tiny.sh"
tiny="$tiny --vae_train.steps 20 --train.steps 10"

# Options are words of their own on purpose.
# shellcheck disable=SC2086
with() { run "$1" "$top/scppdm_$2" --run "$tmp/runs/$3" --shard "$tmp/s.h5" $tiny $4; }

"$top/tests/train/make_screen" "$tmp/s.h5" 5 9 60 3 >"$tmp/out" 2>"$tmp/err"
report "a shard"
run 66 "$top/scppdm_ablate" --collect "$tmp/none" && err 'none'
report "--collect of a missing folder: exit 66"
with 0 vae a "" && with 0 eval a "--models autoencoder --eval.h5ad=false" && out "^uc  *autoencoder"
report "the autoencoder's row needs no denoiser"
with 0 ablate a D && err 'it trains one' && [ -e "$tmp/runs/a/ablation-D/ckpt-10.h5" ]
report "D without a full model trains a network"
with 0 ablate a E && err 'takes the network of .*/ablation-D' && [ ! -e "$tmp/runs/a/ablation-E" ] &&
    [ -s "$tmp/runs/a/eval-ablation-E/summary.json" ]
report "E takes it"
with 0 train a "" && with 0 eval a "--models scppdm --eval.h5ad=false" && with 0 ablate a "--index 3" &&
    err 'takes the network of .*/train' && err 'nothing is trained'
report "with a full model, D takes its network"
[ "$(grep -c '"ablation": "D"' "$tmp/runs/a/ablations.jsonl")" -eq 4 ] && grep -q '"network": "train"' "$tmp/runs/a/ablations.jsonl"
report "a row a split is appended each time"
with 0 ablate a "D --train.steps 12 --fresh" && ! err 'takes the network' && [ -e "$tmp/runs/a/ablation-D/ckpt-12.h5" ]
report "another number of steps is another network"
with 0 ablate a A && [ -e "$tmp/runs/a/ablation-A/ckpt-10.h5" ]
report "A trains its own"
with 0 vae b "--vae_train.seed 2" && with 0 train b "--train.seed 2" &&
    with 0 eval b "--models scppdm --eval.h5ad=false"
report "a second seed"
cp "$tmp/runs/b/eval/uc/results.csv" "$tmp/profile.csv"
with 0 eval b "--models scppdm --eval.h5ad=false --guidance.decode residual --guidance.rescale 0.5 --guidance.anchor uncond" &&
    ! cmp -s "$tmp/profile.csv" "$tmp/runs/b/eval/uc/results.csv"
report "residual decoding, rescaled guidance and the other anchor are choices of the scoring"
run 0 "$top/scppdm_ablate" --collect "$tmp/runs" && out '^uc: ablations' && out '^ud: ablations' &&
    out '^uc  *full  *A  *D  *E' && out '^runs  *2  *1  *1  *1' && out 's.e.'
report "--collect: full model of two seeds, the ablations of one"
run 0 "$top/scppdm_ablate" --collect "$tmp/runs/a" --format markdown --splits ud && out '| *runs' && ! out '^uc'
report "of one run folder, in another form"
with 0 eval a "--models scppdm"
run 0 "$top/scppdm_report" "$tmp/runs/a" "$tmp/runs/b" --output "$tmp/page" --no-draw --moa.permutations 20 &&
    [ -s "$tmp/page/index.html" ] && grep -q 'full	s.e.	A	s.e.	D	s.e.	E	s.e.' "$tmp/page/ablations_uc.tsv" &&
    grep -q '^kNN purity' "$tmp/page/r1_moa.tsv" && grep -q 'no real.h5ad' "$tmp/page/index.html"
report "a report of both: ablations, mechanisms, and what the second run lacks"
vector() { sed -n "s/^drug$1	moa.	//p" "$tmp/page/r1_drug_vectors.tsv"; }
[ "$(grep -c '^drug' "$tmp/page/r1_drug_vectors.tsv")" -eq 10 ] && [ -n "$(vector 0)" ] &&
    [ "$(vector 0)" = "$(vector 3)" ] && [ "$(vector 0)" != "$(vector 1)" ]
report "drugs of one structure have one vector in the network, others have others"
echo "1..$count"
