#!/bin/bash
#SBATCH --job-name=scppdm-eval
#SBATCH --nodes=1
#SBATCH --ntasks-per-node=4
#SBATCH --cpus-per-task=4
#SBATCH --time=04:00:00
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --output=%x-%j.log
# usage: slurm/eval.sh [--run FOLDER] [--seeds 1,2,3] [OPTION...]
#
# Score a run on unseen combinations (UC) and unseen drugs (UD); further options are those of scppdm_eval. The
# score table goes to the job's log and to the run folder.

# sbatch runs a copy of this file from a spool folder; lib.sh stays where the original is.
scp_dir=${SCPPDM_SLURM_DIR:-$(dirname "$(readlink -f "$0")")}
if [[ ! -f $scp_dir/lib.sh && -n ${SLURM_JOB_ID:-} ]]; then
    scp_dir=$(scontrol show job "$SLURM_JOB_ID" | sed -n 's|^ *Command=||;T;s|/eval\.sh\( .*\)\{0,1\}$||p;q')
fi
# shellcheck source=slurm/lib.sh
source "$scp_dir/lib.sh" || { echo "eval.sh: set SCPPDM_SLURM_DIR to the folder of the job scripts" >&2; exit 66; }

scp_settings eval "$@"
scp_begin "$@"
scp_step scppdm_eval "${scp_args[@]}"
scp_end
