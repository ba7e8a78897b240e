#!/bin/bash
#SBATCH --job-name=scppdm-train
#SBATCH --nodes=1
#SBATCH --ntasks-per-node=4
#SBATCH --cpus-per-task=4
#SBATCH --time=24:00:00
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --signal=B:USR1@300
#SBATCH --output=%x-%j.log
# usage: slurm/train.sh [--config FILE] --shard SHARD.h5 --run FOLDER [OPTION...]
#
# Train the model on the latents of the run folder. The arguments are those of scppdm_train. Five minutes
# before the time limit, or when preempted, the ranks write a checkpoint and the job is requeued and goes on.

# In a job $0 is a copy in a spool folder: ask Slurm for the original.
self=$0
if [[ $0 == */slurm_script ]]; then
    self=$(scontrol show job "$SLURM_JOB_ID" | sed -n '/ Command=/{s/.*Command=\([^ ]*\).*/\1/p;q}')
fi
scp_slurm_dir=$(cd "$(dirname "$self")" && pwd)
# shellcheck source=slurm/lib.sh
source "$scp_slurm_dir/lib.sh"
scp_submit "$self" "$@"

scp_job scppdm_train "$@"
scp_finish $?
