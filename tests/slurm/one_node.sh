#!/bin/sh
# The job scripts with the programs, on a Slurm of one node that this test starts itself: train.sh alone in a fresh
# folder; a run that is stopped by a signal, requeued and resumed; the whole chain with its array of ablations.
set -u
top=${top_srcdir:-$(cd "$(dirname "$0")/../.." && pwd)}
build=${top_builddir:-$top/build}
# shellcheck source=tests/slurm/cluster.sh
. "$top/tests/slurm/cluster.sh"

why=$(cluster_reason)
if [ -n "$why" ]; then echo "1..0 # SKIP $why"; exit 0; fi
tmp=$(mktemp -d) || exit 99
trap 'cluster_stop; rm -rf "$tmp"' EXIT
trap 'exit 99' HUP INT PIPE TERM
logs=$tmp/work
fresh=$logs/fresh # train.sh alone
cut=$logs/cut     # the same run, interrupted
mkdir "$tmp/cluster" "$logs" "$fresh" "$cut" "$logs/chain"

if ! cluster_start "$tmp/cluster" 8 400; then
    tail -n 5 "$tmp"/cluster/*.out "$tmp"/cluster/*.log | sed 's/^/# /'
    echo "1..1"
    echo "not ok 1 - a Slurm of one node starts: it is installed here, and its daemons say why it does not"
    exit 1
fi
count=0

# A run of some seconds, and a site file: small jobs, many at once.
sed '/^train:/,/^[a-z]*:/s/steps: .*/steps: 800/' "$top/tests/slurm/tiny.yaml" >"$tmp/train.yaml"
cat >"$tmp/site.conf" <<END
SCPPDM_BIN=$build
SCPPDM_SBATCH=(--ntasks-per-node=2 --cpus-per-task=1 --time=10)
SCPPDM_PREP_CONFIG=$tmp/prep.yaml
SCPPDM_CONFIG=$tmp/train.yaml
END
export SCPPDM_SITE="$tmp/site.conf" OMPI_MCA_mpi_yield_when_idle=1
sed 's/min_cells: .*/min_cells: 5/' "$top/mpi/conf/prep-demo.yaml" >"$tmp/prep.yaml"
small="--parsable --ntasks-per-node=2 --cpus-per-task=1 --time=10"

"$build/scppdm_synth" --preset tiny "$fresh/plates" >"$logs/synth.log" 2>&1
# shellcheck disable=SC2086 # a list of options
whole=$(cd "$fresh" && sbatch $small "$top/slurm/train.sh")
ok "sbatch slurm/train.sh without arguments, in a folder of plates" test -n "$whole"
cluster_wait 90 test -s "$fresh/run/latents.h5"
ok "it builds the shard and the autoencoder first" test -s "$fresh/run/latents.h5" -a -s "$fresh/shard.h5"

cp -r "$fresh/shard.h5" "$fresh/run" "$cut"
rm -rf "$cut/run/train"
# shellcheck disable=SC2086
parted=$(cd "$cut" && sbatch $small "$top/slurm/train.sh")
chain=$(cd "$logs/chain" && "$top/slurm/pipeline.sh" --plates "$fresh/plates/*.h5ad" --baselines ridge \
    --config "$top/tests/slurm/tiny.yaml" 2>"$logs/chain/pipeline.log")
cluster_wait 90 says "$cut/run/metrics.jsonl" '"stage": "train", "step": [1-9]00'
scancel --batch --signal=USR1 "$parted"
cluster_wait 60 test -e "$cut/run/train/LATEST"
ok "USR1 to a job: its ranks write a checkpoint" test -e "$cut/run/train/LATEST"
at=$(sed -n 's/.*ckpt-\([0-9]*\).*/\1/p' "$cut/run/train/LATEST")
ok "at step ${at:-?}, before the end" test "${at:-800}" -lt 800
ok "train.sh alone completes" job_completed "$whole"
ok "the stopped job was requeued, and completes" job_completed "$parted"
ok "on its second start" says "$cut/scppdm-train-$parted.log" "job $parted, start 1"
ok "which went on from step ${at:-?}" says "$cut/run/metrics.jsonl" "\"resumed_from\": ${at:-none}"
ok "its weights are those of the run that was not stopped" cmp "$fresh/run/weights.safetensors" \
    "$cut/run/weights.safetensors"

ids=$(echo "$chain" | awk '{ print $2 }')
echo "$chain" | sed 's/^/# /'
jobs=7
if [ -x "$build/scppdm_report" ]; then jobs=8; fi
ok "pipeline.sh prints the ids of $jobs jobs" test "$(echo "$ids" | grep -c '^[0-9][0-9]*$')" = $jobs
last=
for last in $ids; do :; done
job_completed "$last" 240
all=${last:+yes}
for id in $ids; do job_completed "$id" || all=no; done
ok "and all of the chain complete, arrays with all members" test "$all" = yes
done_ablations=0
for letter in A B C D E F; do
    if [ -s "$logs/chain/run/eval-ablation-$letter/summary.json" ]; then done_ablations=$((done_ablations + 1)); fi
done
ok "the array trained and scored ablations A to F" test "$done_ablations" = 6
ok "D took the network of train.sh" says "$logs/chain/run/ablations.jsonl" '"D".*"network": "train"'
ok "the score table has the baseline that the array trained" says "$logs/chain/run/eval/summary.json" '"ridge"'
if [ -x "$build/scppdm_report" ]; then ok "the report is in the run folder" test -d "$logs/chain/run/report"; fi
ok "predictions of both splits are there" test -s "$logs/chain/run/pred_uc.h5ad" -a -s "$logs/chain/run/pred_ud.h5ad"
echo "1..$count"
