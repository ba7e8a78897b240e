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
export HOME="$tmp" SCPPDM_SITE="$tmp/site.conf"
mkdir "$tmp/bin" "$tmp/work" "$tmp/plates"
cd "$tmp/work" || exit 99

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
exit "${SRUN_CODE:-0}"
END
cat >"$tmp/bin/scontrol" <<'END'
#!/bin/sh
echo "scontrol $*"
exit 1
END
cat >"$tmp/bin/squeue" <<'END'
#!/bin/sh
case $* in *%T*) echo "${STATE:-RUNNING}" ;; *) echo 1:00 ;; esac
END
: >"$tmp/bin/apptainer"
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
    if grep -q '^sbatch' "$tmp/out"; then echo "# but it was submitted"; fi
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
    case ${script##*/} in lib.sh | job.sh) continue ;; esac
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
SCPPDM_MPI=pmi9 run eval.sh --run r
says "a PMI that this Slurm lacks is refused with those it has" "no 'pmi9', only: none pmix (srun" 'exit 64'
echo 'SCPPDM_MODULES=(nix/1.0)' >>"$SCPPDM_SITE"
run eval.sh --run r
says "a module that does not load is refused with its line" 'line 7: module load nix/1.0 failed' 'exit 64'
sed -i '$d' "$SCPPDM_SITE"
: >"$tmp/image.sif"
SCPPDM_CONTAINER=$tmp/image.sif run train.sh --run r --model ridge --shard list
says "a container stands between srun and the program, with its GPUs" \
    'srun .* apptainer exec --nv .*image.sif scppdm_train'
SCPPDM_CONTAINER=$tmp/image.sif SCPPDM_CONTAINER_RUN="nix exec" run eval.sh --run r
says "a container runtime that is not there is refused" "no 'nix' on" 'exit 64'
SRUN_CODE=66 run eval.sh --run r
says "the program's exit code is the job's" 'scppdm_eval: exit code 66' 'exit 66'
SRUN_CODE=85 run eval.sh --run r
says "85 asks for a requeue, and is the job's where Slurm refuses" 'scontrol requeue 7' 'not requeued' 'exit 85'
STATE=COMPLETING SRUN_CODE=85 run eval.sh --run r
says "but not of a job that is being cancelled" 'Slurm ends the job (COMPLETING)' 'exit 85'
SLURM_RESTART_COUNT=100 SRUN_CODE=85 run eval.sh --run r
says "nor for ever" 'not requeued: started 101 times' 'exit 85'
SLURM_RESTART_COUNT=1 run train.sh --run r --fresh --model ridge --shard list
says "--fresh counts for the first start only" '^srun .*scppdm_train --model ridge --shard list --run r --device cuda$'
run eval.sh --run r --predictions other.h5ad
says "an option's value is no plate" 'scppdm_eval --predictions other.h5ad --run r'
run ablate.sh --run r
says "an array that was not submitted as one says how" 'sbatch --array=0-5' 'exit 64'
SLURM_ARRAY_JOB_ID=7 SLURM_ARRAY_TASK_ID=7 run ablate.sh --run r --seeds 1,2
says "member 7 of an array of ablations is B of the second seed" 'scppdm_ablate --index 1 .*--train.seed=2 .*--run r/seed-2'
SCPPDM_SYNTH=none run train.sh --run r
says "without shard and plates, and none to make up, it is refused" 'no shard shard.h5, and no plates' 'exit 66'
run train.sh --run r --plates "$tmp/plates/*.h5ad"
says "a pattern that no plate matches is refused" 'SCPPDM_PLATES from the arguments: no plate matches' 'exit 64'
echo "1..$count"
