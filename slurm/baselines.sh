#!/bin/bash
#SBATCH --job-name=scppdm-baselines
#SBATCH --array=0-4%4
#SBATCH --nodes=1
#SBATCH --ntasks-per-node=4
#SBATCH --cpus-per-task=4
#SBATCH --time=12:00:00
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --signal=B:USR1@300
#SBATCH --output=%x-%A_%a.log
# usage: slurm/baselines.sh [--baselines ridge,mlp,...] [--shard SHARD.h5] [--run FOLDER] [--seeds 1,2,3] [OPTION...]
#
# Train the baselines as one job array, times the seeds: all of them, or those of --baselines. Each takes the settings
# that come with the code (conf/baseline-NAME.yaml); further options are those of scppdm_train. They need a shard and
# no autoencoder. slurm/eval.sh --models scppdm,ridge,mlp,... then scores them beside the model.

# sbatch runs a copy of this file from a spool folder; lib.sh stays where the original is.
scp_dir=${SCPPDM_SLURM_DIR:-$(dirname "$(readlink -f "$0")")}
if [[ ! -f $scp_dir/lib.sh && -n ${SLURM_JOB_ID:-} ]]; then
    scp_dir=$(scontrol show job "$SLURM_JOB_ID" | sed -n 's|^ *Command=||;T;s|/baselines\.sh\( .*\)\{0,1\}$||p;q')
fi
# shellcheck source=slurm/lib.sh
source "$scp_dir/lib.sh" || { echo "baselines.sh: set SCPPDM_SLURM_DIR to the folder of the job scripts" >&2; exit 66; }

scp_settings baselines "$@"
IFS=', ' read -ra baselines <<<"${scp_opt[--baselines]:-ridge,linear,linear_shift,mlp,mlp_shift}"
scp_members=$((${#baselines[@]} * scp_runs))
scp_begin "$@"
name=${baselines[$((scp_member % ${#baselines[@]}))]}
config=$scp_conf/baseline-${name%_shift}.yaml
scp_need_shard
if [[ -e $config ]]; then scp_args=(--config "$config" "${scp_args[@]}"); fi
scp_step scppdm_train --model "$name" "${scp_args[@]}"
scp_end
