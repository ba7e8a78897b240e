#!/bin/bash
#SBATCH --job-name=scppdm-ablate
#SBATCH --array=0-5%3
#SBATCH --nodes=1
#SBATCH --ntasks-per-node=4
#SBATCH --cpus-per-task=4
#SBATCH --time=24:00:00
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --signal=B:USR1@300
#SBATCH --output=%x-%A_%a.log
# usage: slurm/ablate.sh --out FOLDER [--config FILE] --shard SHARD.h5 [OPTION...]
#
# Ablations A to F of the paper as one job array: member 0 is A. Each trains with the options given and
# those of conf/ablation-X.yaml in the run folder FOLDER/X, and is then scored there.

# In a job $0 is a copy in a spool folder: ask Slurm for the original.
self=$0
if [[ $0 == */slurm_script ]]; then
    self=$(scontrol show job "$SLURM_JOB_ID" | sed -n '/ Command=/{s/.*Command=\([^ ]*\).*/\1/p;q}')
fi
scp_slurm_dir=$(cd "$(dirname "$self")" && pwd)
# shellcheck source=slurm/lib.sh
source "$scp_slurm_dir/lib.sh"
scp_submit "$self" "$@"

letters=(A B C D E F)
letter=${letters[${SLURM_ARRAY_TASK_ID:-0}]}
out=
arguments=()
while [[ $# -gt 0 ]]; do
    case $1 in
    --out) out=${2:?--out needs a folder}; shift ;;
    *) arguments+=("$1") ;;
    esac
    shift
done
if [[ -z $out ]]; then
    echo "ablate.sh: --out FOLDER is required" >&2
    exit 64
fi
run=$out/$letter
scp_job scppdm_train "${arguments[@]}" --config "$(scp_conf_dir)/ablation-$letter.yaml" --run "$run" ||
    scp_finish $?
scp_job scppdm_eval --run "$run"
scp_finish $?
