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
# usage: slurm/ablate.sh --run FOLDER [--config FILE] [OPTION...]
#
# Ablations A to F of the paper as one job array: member 0 is A. Each trains the model of the run folder
# with one part removed or replaced, and scores it. The arguments are those of scppdm_ablate. The
# autoencoder of the run folder must be trained; where the model is as well, D and E take its network and only
# score. scppdm_ablate --collect FOLDER then prints the table.

# In a job $0 is a copy in a spool folder: ask Slurm for the original.
self=$0
if [[ $0 == */slurm_script ]]; then
    self=$(scontrol show job "$SLURM_JOB_ID" | sed -n '/ Command=/{s/.*Command=\([^ ]*\).*/\1/p;q}')
fi
scp_slurm_dir=$(cd "$(dirname "$self")" && pwd)
# shellcheck source=slurm/lib.sh
source "$scp_slurm_dir/lib.sh"
scp_submit "$self" "$@"

scp_job scppdm_ablate --index "${SLURM_ARRAY_TASK_ID:-0}" "$@"
scp_finish $?
