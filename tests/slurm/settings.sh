#!/bin/sh
# The settings of the job scripts: a wrong one is refused with the line to change, before anything is submitted; what
# is resolved is printed. sbatch, srun, scontrol and squeue are stand-ins here; tests/slurm/one_node.sh has real ones.
set -u
top=${top_srcdir:-$(cd "$(dirname "$0")/../.." && pwd)}
tmp=$(mktemp -d) || exit 99
trap 'rm -rf "$tmp"' EXIT
trap 'exit 99' HUP INT TERM
# shellcheck disable=SC2046 # lists of names
unset $(env | sed -n 's/^\(\(SLURM\|SBATCH\|SCPPDM\)_[A-Za-z0-9_]*\)=.*/\1/p') tmp_none
export SCPPDM_PAUSE=0 # between two tries of a command of Slurm
export HOME="$tmp" SCPPDM_SITE="$tmp/site.conf"
mkdir "$tmp/bin" "$tmp/work" "$tmp/plates"
cd "$tmp/work" || exit 99
: >"$tmp/plates/p.h5ad"

# Stand-ins: sbatch prints its arguments; srun says what it would start.
cat >"$tmp/bin/sbatch" <<'END'
#!/bin/sh
echo "sbatch $*"
echo "environment: ${SCPPDM_LAUNCH:-} ${SCPPDM_SEEDS:-}"
END
cat >"$tmp/bin/srun" <<'END'
#!/bin/sh
if [ "$1" = --mpi=list ]; then printf 'MPI plugin types are...\n\tnone\n\tpmix\n'; exit 0; fi
echo "srun $*"
if [ -n "${SRUN_DO:-}" ]; then eval "$SRUN_DO"; fi
exit "${SRUN_CODE:-0}"
END
# fails NAME: is a count of failures still above 0 in the file NAME?
cat >"$tmp/bin/fails" <<'END'
#!/bin/sh
n=$(cat "$1" 2>/dev/null || echo 0)
if [ "$n" -gt 0 ]; then echo $((n - 1)) >"$1"; else exit 1; fi
END
cat >"$tmp/bin/scontrol" <<END
#!/bin/sh
echo "scontrol \$*"
if fails "$tmp/scontrol_fails"; then exit 1; fi
END
cat >"$tmp/bin/squeue" <<END
#!/bin/sh
if fails "$tmp/squeue_fails"; then exit 1; fi
case \$* in *%T*) echo "\${STATE-RUNNING}" ;; *) echo "\${LEFT:-1:00}" ;; esac
END
cp "$tmp/bin/srun" "$tmp/bin/mpirun"
sed -i 's/"srun /"mpirun /' "$tmp/bin/mpirun"
cat >"$tmp/bin/apptainer" <<'END'
#!/bin/sh
for image in "$2" "$3"; do
    if [ -f "$image" ]; then echo "backends: $(cat "$image")"; fi
done
END
: >"$tmp/bin/scppdm_train"
chmod +x "$tmp/bin"/*
PATH=$tmp/bin:$PATH

count=0
# says TEXT PATTERN... : all patterns are in $tmp/out.
says() {
    count=$((count + 1))
    text=$1
    shift
    for pattern in "$@"; do
        if ! grep -q -e "$pattern" "$tmp/out"; then
            echo "not ok $count - $text"
            echo "# not there: $pattern"
            sed 's/^/# /' "$tmp/out"
            return
        fi
    done
    echo "ok $count - $text"
}
# lacks TEXT PATTERN: it is not in $tmp/out.
lacks() {
    count=$((count + 1))
    if ! grep -q -e "$2" "$tmp/out"; then echo "ok $count - $1"; return; fi
    echo "not ok $count - $1"
    sed 's/^/# /' "$tmp/out"
}
# holds TEXT COMMAND...: it succeeds.
holds() {
    count=$((count + 1))
    text=$1
    shift
    if "$@"; then echo "ok $count - $text"; return; fi
    echo "not ok $count - $text"
    sed 's/^/# /' "$tmp/out"
}
# run SCRIPT ARGUMENT...: output and exit code in $tmp/out.
run() {
    script=$1
    shift
    "$top/slurm/$script" "$@" >"$tmp/out" 2>&1
    echo "exit $?" >>"$tmp/out"
}
# refused LINE PATTERN...: a site file with this line.
refused() {
    printf '# a site\n%s\n' "$1" >"$SCPPDM_SITE"
    run train.sh
    line=$1
    shift
    says "refused with its line: $line" 'site.conf, line 2: ' 'exit 64' "$@"
    lacks "and not submitted" '^sbatch'
}

refused 'SCPPDM_LAUNCH=prun' "'prun' must be srun or mpirun" '^    SCPPDM_LAUNCH=prun'
refused 'SCPPDM_LUNCH=srun' 'SCPPDM_LUNCH is not a setting'
refused 'export SCPPDM_PARTITON=gpu' 'SCPPDM_PARTITON is not a setting'
refused 'SCPPDM_GPUS=four' 'not a whole number'
refused 'SCPPDM_REQUEUES=-1' 'not a whole number'
refused 'SCPPDM_MPI="pmix v4"' 'srun --mpi=list'
refused 'SCPPDM_SBATCH=(-p gpu)' "'-p' is not of the form"
refused 'SCPPDM_SBATCH_TRAIN=(--gpus-per-task=1)' 'hides a rank'
refused 'SCPPDM_GPUS=4 SCPPDM_SBATCH=(--ntasks-per-node=8)' 'one rank a GPU'
refused 'SCPPDM_BIN=/nowhere' "no scppdm_train in '/nowhere'"
refused 'SCPPDM_CONTAINER=/nowhere.sif' "no image '/nowhere.sif'"
refused 'SCPPDM_CONFIG=nowhere.yaml' "'nowhere.yaml' cannot be read" 'mpi/conf'
refused 'SCPPDM_DRUGS=nowhere.tsv' "'nowhere.tsv' cannot be read"
refused 'SCPPDM_SEEDS=(1 2 1)' 'seed 1 is there twice'
printf '# a site\nSCPPDM_SBATCH=(\n' >"$SCPPDM_SITE"
run train.sh
says "a site file that bash does not read is refused with its line" 'site.conf: line 2' 'exit 64'
: >"$SCPPDM_SITE"
SCPPDM_LAUNCH=prun run train.sh
says "a wrong setting in the environment is named" 'SCPPDM_LAUNCH from the environment' 'exit 64'
SCPPDM_SITE=$tmp/none.conf run train.sh
says "so is a site file that is not there" 'none.conf, which cannot be read' 'exit 66'

# Submitting.
cat >"$SCPPDM_SITE" <<END
SCPPDM_BIN=$tmp/bin
SCPPDM_PARTITION=gpu
SCPPDM_ACCOUNT=lab
SCPPDM_GPUS=2
SCPPDM_SBATCH=(--constraint=a)
SCPPDM_SBATCH_PREP=(--constraint=b)
END
run train.sh --run r
says "a script submits itself, and prints how" \
    '^sbatch --partition=gpu --account=lab --gpus-per-node=2 --ntasks-per-node=2 --constraint=a .*/train.sh --run r$' \
    'train.sh: site file .*site.conf' 'exit 0'
run prep.sh p.h5ad
says "options for one kind of job come last, and preparation has no GPUs" \
    '^sbatch --partition=gpu --account=lab --constraint=a --constraint=b .*/prep.sh p.h5ad'
SCPPDM_LAUNCH=mpirun SCPPDM_SEEDS=1,2 run eval.sh --run r
says "settings of the environment come to the job" '--array=0-1%4 ' '^environment: mpirun 1,2$'
run ablate.sh --run r --seeds 1,2,3
says "six ablations and three seeds are an array of 18" '--array=0-17%4 '
run baselines.sh --run r --baselines ridge,mlp --seeds '4 5'
says "two baselines and two seeds one of 4" '--array=0-3%4 '
printf '# all\n\nguidance.s_p=2\ntrain.lr=1e-3 train.seed=2\n' >list
run sweep.sh --run r --list list
says "a sweep of two lines one of 2" '--array=0-1%4 '
run sweep.sh --run r --sweep.s_p=0,1,2 --sweep.s_0 1,3
says "a grid of three and two values one of 6" '--array=0-5%4 '
run sweep.sh --run r
says "a sweep without a list is refused" '--list FILE is needed' 'exit 64'
run train.sh --seeds 1,x
says "a seed that is none is refused" "SCPPDM_SEEDS from the arguments: 'x'" 'exit 64'
run pipeline.sh --shard none.h5
says "a pipeline without plates is refused" 'no shard none.h5, and no plates' 'SCPPDM_PLATES' 'exit 66'
for script in "$top"/slurm/*.sh; do
    case ${script##*/} in lib.sh | job.sh | data.sh) continue ;; esac
    run "${script##*/}" --help
    says "${script##*/} --help" '^usage: slurm/' 'exit 0'
done

# Inside a job.
export SLURM_JOB_ID=7 SLURM_NTASKS=2 SLURM_NTASKS_PER_NODE=2 SLURM_GPUS_ON_NODE=2 SLURM_JOB_PARTITION=cpu
run eval.sh --run r
says "a job prints what is in force" 'job 7, start 0, partition cpu' '2 ranks x 1 threads, 2 GPUs a node' \
    'site file .*/site.conf' 'launcher srun --mpi=pmix' "programs $tmp/bin" 'exit 0'
says "and that its partition is not the site's" 'this is not partition gpu'
run train.sh --run r --model ridge --shard list
says "ranks compute on GPUs where the site has them" '^srun .*scppdm_train --model ridge --shard list --run r --device cuda$'
run train.sh --run r --model ridge --shard list --device cuda:1
says "on those that the arguments name, if they do" '^srun .*--device cuda:1 --run r$'
SLURM_NTASKS_PER_NODE=4 run eval.sh --run r
says "more ranks than GPUs are refused" 'site.conf, line 4: .*one rank a GPU' 'exit 64'
SLURM_GPUS_ON_NODE=1 run eval.sh --run r
says "fewer GPUs than the site says, too" 'site.conf, line 4: .*the job has 1 a node' 'exit 64'
(unset SLURM_GPUS_ON_NODE && run eval.sh --run r)
says "a job without any, too" 'site.conf, line 4: .*the job has 0 a node' '^    SCPPDM_GPUS=2' 'exit 64'
SCPPDM_MPI=pmi9 run eval.sh --run r
says "a PMI that this Slurm lacks is refused with those it has" "no 'pmi9', only: none pmix (srun" 'exit 64'
echo 'SCPPDM_MODULES=(nix/1.0)' >>"$SCPPDM_SITE"
run eval.sh --run r
says "a module that does not load is refused with its line" 'line 7: module load nix/1.0 failed' 'exit 64'
sed -i '$d' "$SCPPDM_SITE"
echo 'ref, cpu' >"$tmp/image.sif"
SCPPDM_CONTAINER=$tmp/image.sif run train.sh --run r --model ridge --shard list
says "an image without CUDA is refused where GPUs are asked for" 'built without CUDA, but SCPPDM_GPUS=2' 'exit 64'
echo 'ref, cpu, cuda' >"$tmp/image.sif"
SCPPDM_CONTAINER=$tmp/image.sif run train.sh --run r --model ridge --shard list
says "a container stands between srun and the program, with its GPUs" \
    'srun .* apptainer exec --nv .*image.sif scppdm_train'
SCPPDM_CONTAINER=$tmp/image.sif SCPPDM_CONTAINER_RUN="nix exec" run eval.sh --run r
says "a container runtime that is not there is refused" "no 'nix' on" 'exit 64'
SRUN_CODE=66 run eval.sh --run r
says "the program's exit code is the job's" 'scppdm_eval: exit code 66' 'exit 66'
echo 5 >"$tmp/scontrol_fails"
SRUN_CODE=85 run eval.sh --run r
says "85 asks for a requeue, and is the job's where Slurm refuses" 'scontrol requeue 7' 'not requeued' 'exit 85'
holds "five times" test "$(grep -c '^scontrol requeue' "$tmp/out")" = 5
echo 4 >"$tmp/scontrol_fails"
echo 4 >"$tmp/squeue_fails"
SRUN_CODE=85 run eval.sh --run r
lacks "a controller that does not answer at once is asked again" 'not requeued'
holds "and requeues the job" test "$(grep -c '^scontrol requeue' "$tmp/out")" = 5
STATE='' SRUN_CODE=85 run eval.sh --run r
lacks "a job whose state is not known is taken for running" 'not requeued'
STATE=COMPLETING SRUN_CODE=85 run eval.sh --run r
says "but not of a job that is being cancelled" 'Slurm ends the job (COMPLETING)' 'exit 85'
SLURM_RESTART_COUNT=100 SRUN_CODE=85 run eval.sh --run r
says "nor for ever" 'not requeued: started 101 times' 'exit 85'

# 75: four starts in a row without a new checkpoint, however often the job was requeued before.
export SRUN_CODE=75 SLURM_RESTART_COUNT=9
mkdir -p r/train
for i in 1 2 3; do
    run eval.sh --run r
    says "75 is tried again ($i)" 'requeue 7' 'exit 75'
done
echo ckpt-2.h5 >r/train/LATEST
run eval.sh --run r
says "and again, after a new checkpoint" 'requeue 7' 'exit 75'
for i in 1 2 3; do run eval.sh --run r; done
says "but not for ever" 'not requeued: exit code 75 in four starts' 'exit 75'
SRUN_CODE=0 run eval.sh --run r
holds "a job that ends well leaves no note of it" test -z "$(find r/.slurm -type f)"
unset SRUN_CODE SLURM_RESTART_COUNT

# --fresh: until a start of this job has written a checkpoint of the stage.
fresh='^srun .*scppdm_train --fresh --model ridge --shard list --run r --device cuda$'
mkdir -p r/ridge
echo old >r/ridge/LATEST
SRUN_CODE=85 run train.sh --run r --fresh --model ridge --shard list
says "--fresh in the first start" "$fresh"
SRUN_CODE=85 SLURM_RESTART_COUNT=1 run train.sh --run r --fresh --model ridge --shard list
says "and in the second, where the first did not come to a checkpoint" "$fresh"
echo new >r/ridge/LATEST.tmp && mv r/ridge/LATEST.tmp r/ridge/LATEST
SRUN_CODE=85 SLURM_RESTART_COUNT=2 run train.sh --run r --fresh --model ridge --shard list
says "then never again" '^srun .*scppdm_train --model ridge --shard list --run r --device cuda$'
SRUN_CODE=85 SLURM_RESTART_COUNT=2 run train.sh --run r --fresh --model mlp --shard list
says "but for another stage" '^srun .*scppdm_train --fresh --model mlp '
SLURM_JOB_ID=8 run train.sh --run r --fresh --model ridge --shard list
says "and in another job" "$fresh"

# Signals at awkward moments. The site file names the moment by the command of the script that comes next.
cp "$SCPPDM_SITE" "$tmp/site.kept"
# shellcheck disable=SC2016 # for the site file
moment='set -T; trap '\''if [[ $BASH_COMMAND == "MOMENT" && -z ${once:-} ]]; then once=1; kill -USR1 $$; fi'\'' DEBUG'
echo "$moment" | sed 's/MOMENT/scp_pid=\\$!/' >>"$SCPPDM_SITE"
# shellcheck disable=SC2016
SRUN_DO='trap "exit 85" USR1; i=0; while [ $i -lt 40 ]; do sleep 0.1; i=$((i + 1)); done' run eval.sh --run r
says "a signal before the launcher's number is known reaches the ranks" 'exit code 85' 'requeue 7'
cp "$tmp/site.kept" "$SCPPDM_SITE"
# The launcher ends while the shell asks for the time that is left.
cp "$tmp/bin/squeue" "$tmp/squeue.kept"
# shellcheck disable=SC2016
sed -i 's/^case/case $* in *%L*) if [ -n "${SLOW:-}" ]; then sleep 0.5; fi ;; esac\ncase/' "$tmp/bin/squeue"
# shellcheck disable=SC2016
SLOW=1 SRUN_DO='trap "exit 66" USR1; kill -USR1 $PPID; sleep 0.1; sleep 0.1' run eval.sh --run r
says "the code of a launcher that ends while a signal is dealt with is not lost" 'exit code 66' 'exit 66'
# The last moment.
# shellcheck disable=SC2016
deaf='trap "" USR1; kill -USR1 $PPID; sleep 0.6'
LEFT=0:01 SRUN_DO=$deaf run eval.sh --run r
says "ranks that do not stop in time: the job is requeued all the same" 'did not stop in time' 'scontrol requeue 7'
LEFT=0:01 STATE=COMPLETING SRUN_DO=$deaf run eval.sh --run r
says "but not a job that is being cancelled" 'did not stop in time' 'Slurm ends the job (COMPLETING)'
lacks "which would rise again" 'scontrol requeue'
LEFT=0:01 SCPPDM_REQUEUES=0 SRUN_DO=$deaf run eval.sh --run r
lacks "nor one that was requeued often enough" 'scontrol requeue'
cp "$tmp/squeue.kept" "$tmp/bin/squeue"

# Cores.
run eval.sh --run r
# shellcheck disable=SC2016
SRUN_DO='echo "places ${OMP_PLACES:-none} ${OMP_PROC_BIND:-none}"' run eval.sh --run r
says "threads have no places, which would be those of all ranks" '^places none none$'
SCPPDM_LAUNCH=mpirun SLURM_TASKS_PER_NODE='1(x2)' SLURM_CPUS_PER_TASK=1 run eval.sh --run r
says "mpirun binds each rank to the cores of its threads" '^mpirun -n 2 --map-by slot:PE=1 --bind-to core scppdm_eval'
SCPPDM_LAUNCH=mpirun SLURM_TASKS_PER_NODE='3,4096(x2)' SLURM_CPUS_PER_TASK=3 run eval.sh --run r
says "but not where a node lacks them" '4096 ranks x 3 threads on [0-9]* cores' '^mpirun -n 2 --bind-to none scppdm_eval'
run report.sh --run r --seeds 1,2
says "a report is one job, of the folders of all seeds" '^srun .*scppdm_report r/seed-1 r/seed-2 --output r/report$'
run prep.sh "$tmp/plates/p.h5ad" --output other.h5
says "preparation takes plates and shard by name" '^srun .*scppdm_prep .*plates/p.h5ad --output other.h5$'
run eval.sh --run r --predictions other.h5ad
says "an option's value is no plate" 'scppdm_eval --predictions other.h5ad --run r'
run ablate.sh --run r
says "an array that was not submitted as one says how" 'sbatch --array=0-5' 'exit 64'
SLURM_ARRAY_JOB_ID=7 SLURM_ARRAY_TASK_ID=7 run ablate.sh --run r --seeds 1,2
says "member 7 of an array of ablations is B of the second seed" 'scppdm_ablate --index 1 .*--train.seed=2 .*--run r/seed-2'
SCPPDM_SYNTH=none run train.sh --run r
says "without shard and plates, and none to make up, it is refused" 'no shard shard.h5, and no plates' 'exit 66'
run train.sh --run r --plates "$tmp/none/*.h5ad"
says "a pattern that no plate matches is refused" 'SCPPDM_PLATES from the arguments: no plate matches' 'exit 64'

# Many jobs that need a shard: one builds it.
export SCPPDM_GPUS=0 SCPPDM_PAUSE=0.2
# shellcheck disable=SC2016
build='case $* in *scppdm_prep*) sleep 0.5; while [ "$1" != --output ]; do shift; done; : >"$2" ;; esac'
for i in 1 2 3 4; do
    SLURM_JOB_ID=$i SRUN_DO=$build "$top/slurm/train.sh" --run "r$i" --model ridge --shard s.h5 \
        --plates "$tmp/plates/*.h5ad" >"$tmp/out.$i" 2>&1 &
done
wait
cat "$tmp"/out.[1-4] >"$tmp/out"
holds "of four jobs that need a shard, one builds it" test "$(grep -c '^srun .*scppdm_prep' "$tmp/out")" = 1
holds "and all use it" test "$(grep -c '^srun .*scppdm_train .*--shard s.h5' "$tmp/out")" = 4
says "those that wait say so" 'waiting for the job that holds s.h5.build'
holds "nothing else is left of that" test ! -e s.h5.build
export SCPPDM_PAUSE=0

# Where the scripts are, when sbatch has copied one: the path may have its name twice.
mkdir "$tmp/spool"
cp "$top/slurm/train.sh" "$tmp/spool/slurm_script"
cp "$tmp/bin/scontrol" "$tmp/scontrol.kept"
printf '#!/bin/sh\necho "   Command=%s/slurm/train.sh --config /x/train.sh --run r"\n' "$top" >"$tmp/bin/scontrol"
bash "$tmp/spool/slurm_script" --help >"$tmp/out" 2>&1
says "a job script that sbatch copied finds the others" '^usage: slurm/train.sh'
cp "$tmp/scontrol.kept" "$tmp/bin/scontrol"

# Sweeps. A variant's folder is one variant's, and nothing is trained through a link into the run's own network.
mkdir -p base/train base/vae
: >base/latents.h5
: >base/config.yaml
echo ckpt-1.h5 >base/train/LATEST
printf 'guidance.s_p=2\n' >variants
(unset SLURM_JOB_ID && run sweep.sh --run base --list variants)
kept=$(sed -n 's/^sbatch .*--list //p' "$tmp/out")
printf 'train.lr=1\n' >variants
holds "a sweep submits a copy of its list" grep -qx 'guidance.s_p=2' "$kept"
export SLURM_ARRAY_JOB_ID=7 SLURM_ARRAY_TASK_ID=0
run sweep.sh --run base --list "$kept"
holds "a variant of the sampling has a link to the network" test -L base/sweep/0/train
lacks "and trains nothing" 'scppdm_train'
run sweep.sh --run base --list variants --fresh
says "a folder of another variant is refused" 'base/sweep/0 is of another variant (guidance.s_p=2)' 'move base/sweep' \
    'exit 65'
printf 'train.lr=1\n' >base/sweep/0/variant
run sweep.sh --run base --list variants --fresh
says "a variant that trains does so" '^srun .*scppdm_train .*--run base/sweep/0 --train.lr=1'
holds "and not through a link" test ! -L base/sweep/0/train
mkdir -p base/sweep/0/train
printf 'guidance.s_p=2\n' >base/sweep/0/variant
run sweep.sh --run base --list "$kept"
holds "a folder of checkpoints gets no link inside" test ! -e base/sweep/0/train/train
says "its own network goes on" '^srun .*scppdm_train'
rm base/sweep/0/vae && mkdir base/sweep/0/vae
run sweep.sh --run base --list "$kept"
says "a folder that no sweep made is refused" 'base/sweep/0/vae is no link' 'exit 65'
echo "1..$count"
