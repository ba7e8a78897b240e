#!/bin/bash
#SBATCH --job-name=scppdm-prep
#SBATCH --nodes=1
#SBATCH --ntasks-per-node=8
#SBATCH --cpus-per-task=1
#SBATCH --time=04:00:00
#SBATCH --output=%x-%j.log
# usage: slurm/prep.sh [--config FILE] PLATE.h5ad... --drugs FILE --output SHARD.h5 [OPTION...]
#
# Plates of raw cells to one shard file. The arguments are those of scppdm_prep.

# In a job $0 is a copy in a spool folder: ask Slurm for the original.
self=$0
if [[ $0 == */slurm_script ]]; then
    self=$(scontrol show job "$SLURM_JOB_ID" | sed -n '/ Command=/{s/.*Command=\([^ ]*\).*/\1/p;q}')
fi
scp_slurm_dir=$(cd "$(dirname "$self")" && pwd)
# shellcheck source=slurm/lib.sh
source "$scp_slurm_dir/lib.sh"
scp_submit "$self" "$@"

scp_job scppdm_prep "$@"
scp_finish $?
