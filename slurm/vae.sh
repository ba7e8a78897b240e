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
# usage: slurm/vae.sh [--config FILE] [--shard SHARD.h5] [--run FOLDER] [--seeds 1,2,3] [OPTION...]
#
# Train the autoencoder; further options are those of scppdm_vae. A shard that does not exist is built from the
# plates first (--plates, --drugs, --prep-config, as in prep.sh). With --seeds the job is an array, one member and
# run folder (FOLDER/seed-1, ...) a seed. Five minutes before the time limit, or when preempted, the ranks write a
# checkpoint, and the job is requeued and goes on.

# sbatch runs a copy of this file from a spool folder; lib.sh stays where the original is.
scp_dir=${SCPPDM_SLURM_DIR:-$(dirname "$(readlink -f "$0")")}
if [[ ! -f $scp_dir/lib.sh && -n ${SLURM_JOB_ID:-} ]]; then
    scp_dir=$(scontrol show job "$SLURM_JOB_ID" | sed -n 's|^ *Command=||;T;s|/vae\.sh\( .*\)\{0,1\}$||p;q')
fi
# shellcheck source=slurm/lib.sh
source "$scp_dir/lib.sh" || { echo "vae.sh: set SCPPDM_SLURM_DIR to the folder of the job scripts" >&2; exit 66; }

scp_settings vae "$@"
scp_begin "$@"
scp_need_shard
scp_step scppdm_vae "${scp_args[@]}"
scp_end
