#!/bin/sh
# The job scripts of slurm/ with the programs, on a Slurm of one node that this test starts itself:
# plates to score table, a stop by signal with requeue and resume, an array of ablations.
set -u
top=${top_srcdir:-$(cd "$(dirname "$0")/../.." && pwd)}
build=${top_builddir:-$top/build}
# shellcheck source=tests/slurm/cluster.sh
. "$top/tests/slurm/cluster.sh"

why=$(cluster_reason)
if [ -n "$why" ]; then echo "1..0 # SKIP $why"; exit 0; fi
tmp=$(mktemp -d) || exit 99
trap 'cluster_stop; rm -rf "$tmp"' EXIT
trap 'exit 99' HUP INT TERM
mkdir "$tmp/cluster" "$tmp/work"

if ! cluster_start "$tmp/cluster" 4; then
    tail -n 5 "$tmp"/cluster/*.out "$tmp"/cluster/*.log | sed 's/^/# /'
    echo "1..0 # SKIP a Slurm of one node does not start here"
    exit 0
fi

count=0
ok() { # ok TEXT COMMAND...
    count=$((count + 1))
    text=$1
    shift
    if "$@"; then echo "ok $count - $text"; return; fi
    echo "not ok $count - $text"
    tail -n 20 "$tmp"/work/*.log 2>/dev/null | sed 's/^/# /'
}

cat >"$tmp/site.conf" <<END
SCPPDM_BIN=$build
SCPPDM_SBATCH=(--ntasks-per-node=2 --cpus-per-task=1 --time=2 --chdir=$tmp/work --parsable)
END
export SCPPDM_SITE="$tmp/site.conf"
config=$top/tests/slurm/tiny.yaml
shard=$tmp/work/shard.h5
run=$tmp/work/run

field() { scontrol show job "$1" | sed -n "s/.*$2=\\([A-Z0-9:]*\\).*/\\1/p" | head -n 1; }
ended() { case $(field "$1" JobState) in COMPLETED | FAILED | CANCELLED | TIMEOUT | NODE_FAIL) ;; *) return 1 ;; esac; }
pending() { [ "$(field "$1" JobState)" = PENDING ]; }
completed() { cluster_wait 40 ended "$1"; [ "$(field "$1" JobState)" = COMPLETED ]; }
says() { grep -q -e "$2" "$1" 2>/dev/null; }

"$build/scppdm_synth" --preset tiny "$tmp/work/plates" >"$tmp/work/synth.log" 2>&1
ok "synthetic plates" test -s "$tmp/work/plates/plate1.h5ad"

job=$("$top/slurm/prep.sh" --config "$top/mpi/conf/prep-demo.yaml" --prep.min_cells=5 \
    "$tmp"/work/plates/plate*.h5ad --drugs "$tmp/work/plates/drugs.tsv" --output "$shard")
ok "prep.sh submits itself with the options of site.conf" test -n "$job"
ok "prep.sh completes" completed "$job"
ok "and leaves a shard" test -s "$shard"

job=$("$top/slurm/vae.sh" --config "$config" --shard "$shard" --run "$run")
ok "vae.sh completes" completed "$job"
ok "on 2 ranks that found each other" says "$tmp/work/scppdm-vae-$job.log" '2 ranks (mpi)'

job=$("$top/slurm/train.sh" --config "$config" --shard "$tmp/none.h5" --run "$tmp/work/bad")
cluster_wait 40 ended "$job"
ok "a missing shard: the program's exit code 66 is the job's" test "$(field "$job" ExitCode)" = 66:0

# Stopped: 100,000 steps would take minutes. The second start has the same settings and the first's step.
set -- --config "$config" --run "$run" --train.steps=100000
job=$("$top/slurm/train.sh" "$@")
cluster_wait 30 says "$run/metrics.jsonl" '"stage": "train", "step": 20'
scancel --batch --signal=USR1 "$job"
cluster_wait 20 test -e "$run/train/LATEST"
ok "USR1 to the batch shell: the ranks write a checkpoint" test -e "$run/train/LATEST"
cluster_wait 20 pending "$job"
ok "and the job is back in the queue" pending "$job"
scancel "$job"
first=$(sed -n 's/.*ckpt-\([0-9]*\).*/\1/p' "$run/train/LATEST")
next=ckpt-$((${first:-0} + 10)).h5
job=$("$top/slurm/train.sh" "$@" --train.stop_after=10)
cluster_wait 40 says "$run/train/LATEST" "$next"
ok "the next start goes on from it, 10 steps to $next" says "$run/train/LATEST" "$next"
cluster_wait 20 pending "$job"
scancel "$job"

job=$(cd "$tmp/work" && sbatch --parsable --ntasks-per-node=2 --cpus-per-task=1 --time=2 \
    "$top/slurm/eval.sh" --run "$run")
ok "sbatch slurm/eval.sh completes" completed "$job"
ok "with the score table in the job's log" says "$tmp/work/scppdm-eval-$job.log" 'context_mean'

echo 'SCPPDM_SBATCH+=(--array=0-1)' >>"$tmp/site.conf"
job=$("$top/slurm/ablate.sh" --config "$config" --run "$run" --train.steps=10)
cluster_wait 60 test -s "$run/eval-ablation-A/summary.json"
cluster_wait 60 test -s "$run/eval-ablation-B/summary.json"
ok "ablate.sh: member 0 trains and scores ablation A" test -s "$run/eval-ablation-A/summary.json"
ok "and member 1 ablation B" test -s "$run/eval-ablation-B/summary.json"
echo "1..$count"
