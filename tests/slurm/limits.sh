#!/bin/sh
# The long way on a Slurm of one node: a job whose time limit is too short for it, sbatch slurm/train.sh alone in an
# empty folder, mpirun, seeds through the whole chain, a sweep, a job that is cancelled, a chain that breaks.
set -u
top=${top_srcdir:-$(cd "$(dirname "$0")/../.." && pwd)}
build=${top_builddir:-$top/build}
# shellcheck source=tests/slurm/cluster.sh
. "$top/tests/slurm/cluster.sh"

why=$(cluster_reason)
if [ -z "${SCP_TEST_LONG:-}" ]; then why="takes minutes: make check-long"; fi
if [ -n "$why" ]; then echo "1..0 # SKIP $why"; exit 0; fi
tmp=$(mktemp -d) || exit 99
trap 'cluster_stop; rm -rf "$tmp"' EXIT
trap 'exit 99' HUP INT PIPE TERM
logs=$tmp/work
mkdir "$tmp/cluster" "$logs" "$logs/whole" "$logs/short" "$logs/alone" "$logs/chain" "$logs/broken" "$logs/seeds"

if ! cluster_start "$tmp/cluster" 16 2400; then
    tail -n 5 "$tmp"/cluster/*.out "$tmp"/cluster/*.log | sed 's/^/# /'
    echo "1..1"
    echo "not ok 1 - a Slurm of one node starts: it is installed here, and its daemons say why it does not"
    exit 1
fi
count=0
export OMPI_MCA_mpi_yield_when_idle=1 OMP_WAIT_POLICY=passive SCPPDM_SITE="$tmp/site.conf"
sed 's/min_cells: .*/min_cells: 5/' "$top/mpi/conf/prep-demo.yaml" >"$tmp/prep.yaml"
cat >"$SCPPDM_SITE" <<END
SCPPDM_BIN=$build
SCPPDM_SBATCH=(--ntasks-per-node=1 --cpus-per-task=1 --time=10)
SCPPDM_PREP_CONFIG=$tmp/prep.yaml
SCPPDM_CONFIG=$top/tests/slurm/tiny.yaml
END
in_folder() { # FOLDER COMMAND...: stdout is the last word, a job's id
    folder=$1
    shift
    (cd "$folder" && "$@" 2>"$folder/submit.err" | awk 'END { print $NF }')
}
steps_of() { sed -n 's/.*ckpt-\([0-9]*\).*/\1/p' "$1/run/train/LATEST" 2>/dev/null; }

# Alone: nothing is given, nothing is there. Four ranks of four threads, as the script asks for.
sed -i '/SCPPDM_CONFIG/d' "$SCPPDM_SITE"
sed '/^vae_train:/,$s/steps: .*/steps: 10/' "$top/mpi/conf/demo.yaml" >"$tmp/demo.yaml"
job=$(cd "$logs/alone" && SCPPDM_CONFIG="$tmp/demo.yaml" SCPPDM_SYNTH=tiny sbatch --parsable "$top/slurm/train.sh")
ok "sbatch slurm/train.sh in an empty folder completes" job_completed "$job" 300
ok "it says that the plates are made up" says "$logs/alone/scppdm-train-$job.log" 'NO PLATES were named'
ok "and ran as the script says: 4 ranks of 4 threads" says "$logs/alone/scppdm-train-$job.log" '4 ranks x 4 threads'
ok "on ranks that found each other" says "$logs/alone/scppdm-train-$job.log" '4 ranks (mpi)'
ok "from made-up plates to a trained model" test -s "$logs/alone/run/weights.safetensors"
cp "$logs/alone/shard.h5" "$logs/whole"
echo "SCPPDM_CONFIG=$top/tests/slurm/tiny.yaml" >>"$SCPPDM_SITE"

# Two seeds on an empty folder: both need plates and shard, one makes them.
job=$(in_folder "$logs/seeds" env SCPPDM_SYNTH=tiny "$top/slurm/train.sh" --seeds 1,2)
ok "train.sh --seeds in an empty folder completes" job_completed "$job" 300
ok "one of the two made the plates, and one the shard" test \
    "$(cat "$logs"/seeds/*.log | grep -c -e 'scppdm_synth: exit code 0' -e 'scppdm_prep: exit code 0')" = 2
ok "both trained a model" test -s "$logs/seeds/run/seed-1/weights.safetensors" -a \
    -s "$logs/seeds/run/seed-2/weights.safetensors"

# The steps that take this machine some 70 s: more than the limit leaves.
job=$(in_folder "$logs/whole" "$top/slurm/train.sh" --train.steps=400)
job_completed "$job" 200
seconds=$(sed -n 's/.*train: step 400, .* \([0-9.]*\) s$/\1/p' "$logs/whole/scppdm-train-$job.log" | tail -n 1)
steps=$(echo "${seconds:-4}" | awk '{ print int(70 * 400 / $1) }')
if [ "$steps" -lt 4000 ]; then steps=4000; elif [ "$steps" -gt 60000 ]; then steps=60000; fi
rm -rf "$logs/whole/run/train" "$logs/whole/run"/weights.safetensors "$logs/whole/run/metrics.jsonl"
cp -r "$logs/whole/." "$logs/short"
whole=$(in_folder "$logs/whole" "$top/slurm/train.sh" --train.steps="$steps")
sed -i 's/--time=10/--time=1 --signal=B:USR1@30/' "$SCPPDM_SITE"
short=$(in_folder "$logs/short" "$top/slurm/train.sh" --train.steps="$steps")
sed -i 's/--time=1 --signal=B:USR1@30/--time=10 --signal=B:USR1@60/' "$SCPPDM_SITE"
ok "a run of $steps steps completes within its time limit" job_completed "$whole" 400
ok "so does the same run under a limit of one minute" job_completed "$short" 600
log=$logs/short/scppdm-train-$short.log
starts=$(grep -c "job $short, start" "$log")
# The last start may get a signal as well, while it ends by itself.
requests=$(grep -c 'stop request (USR1)' "$log")
ok "in $starts starts, all but the last ended by Slurm's signal" \
    test "$starts" -gt 1 -a "$(grep -c 'scppdm_train: exit code 85' "$log")" = $((starts - 1)) -a \
    "$requests" -ge $((starts - 1)) -a "$requests" -le "$starts"
ok "whose weights are those of the run without limit" cmp "$logs/whole/run/weights.safetensors" \
    "$logs/short/run/weights.safetensors"
ok "none was killed by the limit" test "$(grep -c 'DUE TO TIME LIMIT' "$log")" = 0

# mpirun instead of srun: the same signal, exit code and requeue.
cp -r "$logs/whole" "$logs/mpirun"
rm -rf "$logs/mpirun/run/train"
long=$((steps * 10))
job=$(in_folder "$logs/mpirun" env SCPPDM_LAUNCH=mpirun "$top/slurm/train.sh" --train.steps="$long")
cluster_wait 60 says "$logs/mpirun/scppdm-train-$job.log" 'info *train [0-9]*/'
ok "mpirun starts the ranks" says "$logs/mpirun/scppdm-train-$job.log" 'launcher mpirun -n 1'
scancel --batch --signal=USR1 "$job"
cluster_wait 40 says "$logs/mpirun/scppdm-train-$job.log" "job $job, start 1"
ok "mpirun hands the signal on: checkpoint, requeue, next start" \
    says "$logs/mpirun/scppdm-train-$job.log" "job $job, start 1"

# scancel: a checkpoint, and no requeue.
cluster_wait 60 says "$logs/mpirun/scppdm-train-$job.log" 'resumed at step'
before=$(steps_of "$logs/mpirun")
scancel "$job"
cluster_wait 60 job_ended "$job"
ok "scancel ends a job for good" test "$(job_field "$job" JobState)" = CANCELLED
srun_job=$(in_folder "$logs/mpirun" "$top/slurm/train.sh" --train.steps="$long")
cluster_wait 60 says "$logs/mpirun/scppdm-train-$srun_job.log" 'resumed at step'
sleep 3
scancel "$srun_job"
cluster_wait 60 job_ended "$srun_job"
ok "also one that srun started" test "$(job_field "$srun_job" JobState)" = CANCELLED
ok "with a checkpoint beyond the last" test "$(steps_of "$logs/mpirun")" -gt "${before:-0}"
ok "and the log says that it is not requeued" says "$logs/mpirun/scppdm-train-$srun_job.log" 'not requeued: Slurm ends'

# Seeds through the chain.
chain=$(cd "$logs/chain" && "$top/slurm/pipeline.sh" --plates "$logs/alone/plates/*.h5ad" --seeds 1,2 --no-report \
    --baselines ridge 2>pipeline.err)
echo "$chain" | sed 's/^/# /'
all=
for id in $(echo "$chain" | awk '{ print $2 }'); do
    if job_completed "$id" 400; then all=${all:-yes}; else all=no; fi
done
ok "pipeline.sh with two seeds: all jobs complete" test "$all" = yes
found=$(find "$logs/chain/run" -path '*/seed-[12]/eval-ablation-[A-F]/summary.json' | wc -l)
ok "12 ablations are scored" test "$found" = 12
ok "the seeds are those of the training" test "$(grep -c '^  seed: 2$' "$logs/chain/run/seed-2/config.yaml")" = 2
ok "and their weights differ" test "$(cat "$logs"/chain/run/seed-*/weights.safetensors | wc -c)" -gt 0 -a \
    -n "$(cmp "$logs/chain/run/seed-1/weights.safetensors" "$logs/chain/run/seed-2/weights.safetensors")"
"$build/scppdm_ablate" --collect "$logs/chain/run" >"$logs/chain/table.txt" 2>&1
ok "scppdm_ablate --collect prints their table" says "$logs/chain/table.txt" 's\.e\.'
ok "with all six beside the full model" says "$logs/chain/table.txt" '^uc  *full  *A  *B  *C  *D  *E  *F'
ok "of two runs each" says "$logs/chain/table.txt" '^runs  *2  *2  *2  *2  *2  *2  *2 *$'

job=$(in_folder "$logs/chain" "$top/slurm/baselines.sh" --baselines mlp,linear_shift --train.steps=5)
ok "baselines.sh trains an array of two" job_completed "$job" 200
ok "each in its folder" test -s "$logs/chain/run/mlp/LATEST" -a -s "$logs/chain/run/linear_shift/LATEST"
job=$(in_folder "$logs/chain" "$top/slurm/eval.sh" --shard shard.h5 --models mlp,linear_shift --splits uc)
ok "eval.sh scores them in one table" job_completed "$job" 200
ok "with a row for each" test "$(grep -oE '"(mlp|linear_shift)"' "$logs/chain/run/eval/summary.json" | sort -u | wc -l)" = 2

# A sweep: one variant that only scores, one that trains.
printf '# two variants\nguidance.kind=dual guidance.s_p=2 guidance.ddim_steps=3\n\ntrain.lr=1e-3\n' >"$logs/whole/list"
job=$(in_folder "$logs/whole" "$top/slurm/sweep.sh" --list list --splits uc)
ok "sweep.sh completes" job_completed "$job" 200
ok "both variants are scored" test -s "$logs/whole/run/sweep/0/eval/summary.json" -a \
    -s "$logs/whole/run/sweep/1/eval/summary.json"
ok "the first took the run's network, the second trained one" \
    test -L "$logs/whole/run/sweep/0/train" -a -d "$logs/whole/run/sweep/1/train" -a ! -L "$logs/whole/run/sweep/1/train"
ok "the run's own scores and network are untouched" test ! -e "$logs/whole/run/eval"

job=$(in_folder "$logs/whole" "$top/slurm/sweep.sh" --sweep.s_p 0,1 --guidance.kind dual --splits uc)
ok "a grid of two points completes" job_completed "$job" 200
ok "and leaves a table" test -n "$(find "$logs/whole/run" -maxdepth 2 -name 'sweep.tsv')"

# A step that fails takes those that need it with it.
chain=$(cd "$logs/broken" && "$top/slurm/pipeline.sh" --plates "$logs/alone/plates/*.h5ad" --no-report --baselines none \
    --vae.latent=none 2>pipeline.err)
failed=$(echo "$chain" | awk '$1 == "vae" { print $2 }')
last=$(echo "$chain" | awk 'END { print $2 }')
cluster_wait 60 job_ended "$last"
ok "a step with a wrong option fails with its exit code" test "$(job_field "$failed" ExitCode)" = 64:0
ok "and the chain after it is cancelled" test "$(job_field "$last" JobState)" = CANCELLED
echo "1..$count"
