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
# usage: slurm/prep.sh [--prep-config FILE] [PLATE.h5ad...] [--drugs FILE] [--output SHARD.h5] [OPTION...]
#
# Plates of raw cells to one shard file; further options are those of scppdm_prep. One rank a node or socket (set
# --ntasks-per-node in site.conf to the sockets), a thread a core: threads share the sums of a plate, ranks do not.
# Two minutes before the time limit, or when preempted, the ranks stop; the job is requeued and takes over the
# plates that were finished.

# sbatch runs a copy of this file from a spool folder; lib.sh stays where the original is.
scp_dir=${SCPPDM_SLURM_DIR:-$(dirname "$(readlink -f "$0")")}
if [[ ! -f $scp_dir/lib.sh && -n ${SLURM_JOB_ID:-} ]]; then
    scp_dir=$(scontrol show job "$SLURM_JOB_ID" | sed -n 's|^ *Command=||;T;s|/prep\.sh\( .*\)\{0,1\}$||p;q')
fi
# shellcheck source=slurm/lib.sh
source "$scp_dir/lib.sh" || { echo "prep.sh: set SCPPDM_SLURM_DIR to the folder of the job scripts" >&2; exit 66; }

scp_settings prep "$@"
scp_begin "$@"
scp_find_plates
scp_prep "${scp_opt[--output]:-${SCPPDM_SHARD:-shard.h5}}" "${scp_args[@]}"
scp_end
