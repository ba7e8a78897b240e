#!/bin/bash
#SBATCH --job-name=scppdm-eval
#SBATCH --nodes=1
#SBATCH --ntasks-per-node=4
#SBATCH --cpus-per-task=4
#SBATCH --time=04:00:00
#SBATCH --output=%x-%j.log
# usage: slurm/eval.sh --run FOLDER [OPTION...]
#
# Score a run on unseen combinations (UC) and unseen drugs (UD). The arguments are those of scppdm_eval;
# the score table goes to the job's log and to the run folder.

# In a job $0 is a copy in a spool folder: ask Slurm for the original.
self=$0
if [[ $0 == */slurm_script ]]; then
    self=$(scontrol show job "$SLURM_JOB_ID" | sed -n '/ Command=/{s/.*Command=\([^ ]*\).*/\1/p;q}')
fi
scp_slurm_dir=$(cd "$(dirname "$self")" && pwd)
# shellcheck source=slurm/lib.sh
source "$scp_slurm_dir/lib.sh"
scp_submit "$self" "$@"

scp_job scppdm_eval "$@"
scp_finish $?
