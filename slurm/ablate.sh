#!/bin/bash
#SBATCH --job-name=scppdm-ablate
#SBATCH --array=0-5%4
#SBATCH --nodes=1
#SBATCH --ntasks-per-node=4
#SBATCH --cpus-per-task=4
#SBATCH --time=24:00:00
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --signal=B:USR1@300
#SBATCH --output=%x-%A_%a.log
# usage: slurm/ablate.sh [--run FOLDER] [--seeds 1,2,3] [OPTION...]
#
# Ablations A to F of the paper as one job array, times the seeds: members 0 to 5 are A to F of the first seed. Each
# trains the model of its run folder (FOLDER, or FOLDER/seed-1, ...) with one part removed or replaced, and scores
# it; further options are those of scppdm_ablate. The autoencoder of the run folder must be trained; where the
# model is as well, D and E take its network and only score. scppdm_ablate --collect FOLDER then prints the table.

# sbatch runs a copy of this file from a spool folder; lib.sh stays where the original is.
scp_dir=${SCPPDM_SLURM_DIR:-$(dirname "$(readlink -f "$0")")}
if [[ ! -f $scp_dir/lib.sh && -n ${SLURM_JOB_ID:-} ]]; then
    scp_dir=$(scontrol show job "$SLURM_JOB_ID" | sed -n 's|^ *Command=||;T;s|/ablate\.sh\( .*\)\{0,1\}$||p;q')
fi
# shellcheck source=slurm/lib.sh
source "$scp_dir/lib.sh" || { echo "ablate.sh: set SCPPDM_SLURM_DIR to the folder of the job scripts" >&2; exit 66; }

scp_settings ablate "$@"
scp_members=$((6 * scp_runs))
scp_begin "$@"
scp_step scppdm_ablate --index "$((scp_member % 6))" "${scp_args[@]}"
scp_end
