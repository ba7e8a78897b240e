#!/bin/bash
#SBATCH --job-name=scppdm-sweep
#SBATCH --nodes=1
#SBATCH --ntasks-per-node=4
#SBATCH --cpus-per-task=4
#SBATCH --time=24:00:00
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --signal=B:USR1@300
#SBATCH --output=%x-%A_%a.log
# usage: slurm/sweep.sh --list FILE [--run FOLDER] [OPTION...]
#        slurm/sweep.sh --sweep.KEY VALUES... [--run FOLDER] [OPTION...]
#
# Variants of a trained run as one job array. With --list, FILE has a line of settings for each, such as
#     guidance.s_p=1.5 guidance.s_0=2
#     train.lr=3e-4
# (empty lines and those that begin with # do not count). Variant K has a run folder of its own, FOLDER/sweep/K,
# with the autoencoder of FOLDER. Where a line changes guidance or metrics only, the network is FOLDER's too, and
# nothing is trained. Each variant is scored; further options go to all.
#
# Without a list: a grid of sampling settings, such as --sweep.s_p 0,1,2 --sweep.s_0 1,3, a member a point; the scores
# are those of scppdm_eval --sweep.KEY, in the run folder.

# sbatch runs a copy of this file from a spool folder; lib.sh stays where the original is.
scp_dir=${SCPPDM_SLURM_DIR:-$(dirname "$(readlink -f "$0")")}
if [[ ! -f $scp_dir/lib.sh && -n ${SLURM_JOB_ID:-} ]]; then
    scp_dir=$(scontrol show job "$SLURM_JOB_ID" | sed -n 's|^ *Command=\(.*\)/sweep\.sh\( .*\)\{0,1\}$|\1|p;T;q')
fi
# shellcheck source=slurm/lib.sh
source "$scp_dir/lib.sh" || { echo "sweep.sh: set SCPPDM_SLURM_DIR to the folder of the job scripts" >&2; exit 66; }

scp_settings sweep "$@"
SCPPDM_SEEDS=() # a seed is a setting of a line
list=${scp_opt[--list]:-}
if [[ -n $list ]]; then
    [[ -r $list ]] || scp_die 66 "the list $list cannot be read"
    mapfile -t variants < <(grep -vE '^[[:space:]]*(#|$)' "$list")
    scp_members=${#variants[@]}
    ((scp_members > 0)) || scp_die 65 "the list $list has no lines of settings"
else
    scp_members=1
    for i in "${!scp_args[@]}"; do
        [[ ${scp_args[i]} == --sweep.* ]] || continue
        values=${scp_args[i]#*=}
        if [[ ${scp_args[i]} != *=* ]]; then values=${scp_args[i + 1]:-}; fi
        IFS=, read -ra values <<<"$values"
        scp_members=$((scp_members * ${#values[@]}))
    done
    [[ " ${scp_args[*]}" == *" --sweep."* && $scp_members -gt 0 ]] ||
        scp_die 64 "--list FILE is needed, a line of settings for each variant, or --sweep.KEY VALUES (see --help)"
fi
scp_begin "$@"

if [[ -z $list ]]; then
    scp_step scppdm_eval --sweep.index "$scp_member" "${scp_args[@]}"
    scp_end
fi
read -ra words <<<"${variants[scp_member]}"
sampling=yes
for i in "${!words[@]}"; do
    words[i]=--${words[i]#--}
    [[ ${words[i]} == --?*=?* ]] || scp_die 65 "$list: '${words[i]#--}' is not of the form key=value"
    if [[ ${words[i]} != --guidance.* && ${words[i]} != --eval.* && ${words[i]} != --metrics.* ]]; then sampling=no; fi
done
[[ -e $scp_run/latents.h5 && -e $scp_run/config.yaml ]] ||
    scp_die 66 "$scp_run has no autoencoder: train it first (slurm/vae.sh, slurm/train.sh)"
base=$(cd "$scp_run" && pwd)
folder=$scp_run/sweep/$scp_member
mkdir -p "$folder" || scp_die 74 "cannot make $folder"
printf '%s\n' "${variants[scp_member]}" >"$folder/variant"
for name in vae latents.h5 weights-vae.safetensors; do ln -sfn "$base/$name" "$folder/$name"; done
scp_args=(--config "$base/config.yaml" "${scp_args[@]}" --run "$folder" "${words[@]}")
if [[ $sampling == yes && -e $base/train/LATEST ]]; then
    ln -sfn "$base/train" "$folder/train"
else
    scp_step scppdm_train "${scp_args[@]}"
fi
scp_step scppdm_eval "${scp_args[@]}"
scp_end
