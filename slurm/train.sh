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
# usage: slurm/train.sh [--config FILE] [--shard SHARD.h5] [--run FOLDER] [--seeds 1,2,3] [OPTION...]
#
# Train the model; further options are those of scppdm_train. What is not there yet is made first: the shard from
# the plates (--plates, --drugs, --prep-config, as in prep.sh), then the autoencoder. Without any plates it makes
# up a screen, so `sbatch slurm/train.sh` in an empty folder tries the whole way on a cluster. With --seeds the job
# is an array, one member and run folder (FOLDER/seed-1, ...) a seed. Five minutes before the time limit, or when
# preempted, the ranks write a checkpoint, and the job is requeued and goes on.

# sbatch runs a copy of this file from a spool folder; lib.sh stays where the original is.
scp_dir=${SCPPDM_SLURM_DIR:-$(dirname "$(readlink -f "$0")")}
if [[ ! -f $scp_dir/lib.sh && -n ${SLURM_JOB_ID:-} ]]; then
    scp_dir=$(scontrol show job "$SLURM_JOB_ID" | sed -n 's|^ *Command=||;T;s|/train\.sh\( .*\)\{0,1\}$||p;q')
fi
# shellcheck source=slurm/lib.sh
source "$scp_dir/lib.sh" || { echo "train.sh: set SCPPDM_SLURM_DIR to the folder of the job scripts" >&2; exit 66; }

scp_settings train "$@"
scp_begin "$@"
scp_need_shard
scp_need_vae
scp_step scppdm_train "${scp_args[@]}"
scp_end
