#!/bin/bash
#SBATCH --job-name=scppdm-prep
#SBATCH --nodes=1
#SBATCH --ntasks-per-node=1
#SBATCH --cpus-per-task=16
#SBATCH --time=04:00:00
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --signal=B:USR1@120
#SBATCH --output=%x-%j.log
# usage: slurm/prep.sh [--config FILE] PLATE.h5ad... --drugs FILE --output SHARD.h5 [OPTION...]
#
# Plates of raw cells to one shard file. The arguments are those of scppdm_prep. One rank a node or socket (set
# --ntasks-per-node in site.conf to the sockets), a thread a core: threads share the sums of a plate, ranks do not.
# Two minutes before the time limit, or when preempted, the ranks stop; the job is requeued and takes over the
# plates that were finished.

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
