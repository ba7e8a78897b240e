#!/bin/bash
#SBATCH --job-name=scppdm-report
#SBATCH --nodes=1
#SBATCH --ntasks-per-node=1
#SBATCH --cpus-per-task=4
#SBATCH --time=01:00:00
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --output=%x-%j.log
# usage: slurm/report.sh [--run FOLDER] [--seeds 1,2,3] [OPTION...]
#
# One page of tables and figures of what was scored in the run folder, or in those of the seeds (FOLDER/seed-1, ...), in
# FOLDER/report; further options are those of scppdm_report.

# sbatch runs a copy of this file from a spool folder; lib.sh stays where the original is.
scp_dir=${SCPPDM_SLURM_DIR:-$(dirname "$(readlink -f "$0")")}
if [[ ! -f $scp_dir/lib.sh && -n ${SLURM_JOB_ID:-} ]]; then
    scp_dir=$(scontrol show job "$SLURM_JOB_ID" | sed -n 's|^ *Command=||;T;s|/report\.sh\( .*\)\{0,1\}$||p;q')
fi
# shellcheck source=slurm/lib.sh
source "$scp_dir/lib.sh" || { echo "report.sh: set SCPPDM_SLURM_DIR to the folder of the job scripts" >&2; exit 66; }

scp_settings report "$@"
scp_members=0 # one job for all seeds
scp_begin "$@"
runs=("$scp_run")
if ((${#SCPPDM_SEEDS[@]} > 0)); then runs=("${SCPPDM_SEEDS[@]/#/$scp_run/seed-}"); fi
scp_step scppdm_report "${runs[@]}" --output "$scp_run/report" "${scp_args[@]}"
scp_end
