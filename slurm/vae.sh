#!/bin/bash
#SBATCH --job-name=scppdm-vae
#SBATCH --nodes=1
#SBATCH --ntasks-per-node=4
#SBATCH --cpus-per-task=4
#SBATCH --time=12:00:00
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --signal=B:USR1@300
#SBATCH --output=%x-%j.log
# usage: slurm/vae.sh [--config FILE] --shard SHARD.h5 --run FOLDER [OPTION...]
#
# Train the autoencoder. The arguments are those of scppdm_vae. Five minutes before the time limit, or
# when preempted, the ranks write a checkpoint and the job is requeued and goes on.

# In a job $0 is a copy in a spool folder: ask Slurm for the original.
self=$0
if [[ $0 == */slurm_script ]]; then
    self=$(scontrol show job "$SLURM_JOB_ID" | sed -n '/ Command=/{s/.*Command=\([^ ]*\).*/\1/p;q}')
fi
scp_slurm_dir=$(cd "$(dirname "$self")" && pwd)
# shellcheck source=slurm/lib.sh
source "$scp_slurm_dir/lib.sh"
scp_submit "$self" "$@"

scp_job scppdm_vae "$@"
scp_finish $?
