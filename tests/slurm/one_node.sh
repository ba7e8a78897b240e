#!/bin/sh
# The job scripts of slurm/ on a Slurm of one node that this test starts itself.
set -u
top=${top_srcdir:-$(cd "$(dirname "$0")/../.." && pwd)}
# shellcheck source=tests/slurm/cluster.sh
. "$top/tests/slurm/cluster.sh"

why=$(cluster_reason)
if [ -n "$why" ]; then echo "1..0 # SKIP $why"; exit 0; fi
tmp=$(mktemp -d) || exit 99
trap 'cluster_stop; rm -rf "$tmp"' EXIT
trap 'exit 99' HUP INT TERM
mkdir "$tmp/cluster" "$tmp/bin" "$tmp/work"

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

# A stand-in for a program: every rank notes its start, waits when told to, stops on USR1 as the
# programs do (checkpoint, exit 85), and goes on from the checkpoint of an earlier start.
cat >"$tmp/bin/scppdm_train" <<'END'
#!/bin/sh
rank=${PMIX_RANK:-${SLURM_PROCID:-0}}
while [ $# -gt 0 ]; do
    case $1 in
    --run) run=$2 ;;
    --index) index=$2 ;;
    esac
    shift
done
mkdir -p "$run"
if [ -n "${index:-}" ]; then echo "$index" >>"$run/index"; fi
echo "rank $rank of ${SLURM_NTASKS:-?} restart ${SLURM_RESTART_COUNT:-0}" >>"$run/started"
trap 'echo "$rank" >>"$run/checkpoint"; exit 85' USR1
if [ ! -e "$run/checkpoint" ]; then
    i=0
    while [ $i -lt "${WAIT_STEPS:-0}" ]; do sleep 0.2; i=$((i + 1)); done
fi
echo "rank $rank done" >>"$run/done"
exit "${EXIT_CODE:-0}"
END
for p in prep eval vae ablate; do cp "$tmp/bin/scppdm_train" "$tmp/bin/scppdm_$p"; done
chmod +x "$tmp"/bin/*

cat >"$tmp/site.conf" <<END
SCPPDM_BIN=$tmp/bin
SCPPDM_SBATCH=(--ntasks-per-node=2 --cpus-per-task=1 --time=2 --chdir=$tmp/work --parsable)
END
export SCPPDM_SITE="$tmp/site.conf"

# state JOB: its state; the exit code as Slurm shows it.
state() { scontrol show job "$1" | sed -n 's/.*JobState=\([A-Z]*\).*/\1/p'; }
code() { scontrol show job "$1" | sed -n 's/.*ExitCode=\([0-9]*:[0-9]*\).*/\1/p'; }
ended() { case $(state "$1") in COMPLETED | FAILED | CANCELLED | TIMEOUT | NODE_FAIL) return 0 ;; *) return 1 ;; esac; }
pending() { [ "$(state "$1")" = PENDING ]; }
lines() { [ -e "$1" ] && [ "$(wc -l <"$1")" -eq "$2" ]; }

for script in prep vae train eval; do
    job=$("$top/slurm/$script.sh" --run "$tmp/work/$script")
    ok "$script.sh submits itself with the options of site.conf" test -n "$job"
    cluster_wait 20 ended "$job"
    ok "$script.sh completes" test "$(state "$job")" = COMPLETED
    ok "$script.sh ran on 2 ranks" lines "$tmp/work/$script/done" 2
done

job=$(EXIT_CODE=65 "$top/slurm/train.sh" --run "$tmp/work/bad")
cluster_wait 20 ended "$job"
ok "a program's exit code is the job's" test "$(code "$job")" = 65:0

job=$(WAIT_STEPS=150 "$top/slurm/train.sh" --run "$tmp/work/long")
cluster_wait 20 lines "$tmp/work/long/started" 2
scancel --batch --signal=USR1 "$job"
cluster_wait 20 lines "$tmp/work/long/checkpoint" 2
ok "USR1 to the batch shell reaches the ranks" lines "$tmp/work/long/checkpoint" 2
cluster_wait 20 pending "$job"
ok "the job is back in the queue after exit 85" pending "$job"
scancel "$job"
job=$(WAIT_STEPS=150 "$top/slurm/train.sh" --run "$tmp/work/long")
cluster_wait 20 ended "$job"
ok "the next start goes on from the checkpoint" lines "$tmp/work/long/done" 2

job=$(cd "$tmp/work" && sbatch --parsable --ntasks-per-node=2 --cpus-per-task=1 --time=2 \
    "$top/slurm/train.sh" --run "$tmp/work/plain")
cluster_wait 20 ended "$job"
ok "sbatch slurm/train.sh works too" lines "$tmp/work/plain/done" 2

echo 'SCPPDM_SBATCH+=(--array=0-1)' >>"$tmp/site.conf"
job=$("$top/slurm/ablate.sh" --run "$tmp/work/ablation")
cluster_wait 30 lines "$tmp/work/ablation/done" 4
ok "ablate.sh runs its members" lines "$tmp/work/ablation/done" 4
ok "each with its number" test "$(sort "$tmp/work/ablation/index" | uniq -c | tr -s ' \n' ' ')" = " 2 0 2 1 "
echo "1..$count"
