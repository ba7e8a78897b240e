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
# nothing is trained. Each variant is scored; further options go to all. The jobs read a copy of FILE, kept in
# FOLDER/sweep. A folder whose variant was another is refused: the lines of a second list need another FOLDER/sweep.
#
# Without a list: a grid of sampling settings, such as --sweep.s_p 0,1,2 --sweep.s_0 1,3, a member a point; the scores
# are those of scppdm_eval --sweep.KEY, in the run folder.

# sbatch runs a copy of this file from a spool folder; lib.sh stays where the original is.
scp_dir=${SCPPDM_SLURM_DIR:-$(dirname "$(readlink -f "$0")")}
if [[ ! -f $scp_dir/lib.sh && -n ${SLURM_JOB_ID:-} ]]; then
    scp_dir=$(scontrol show job "$SLURM_JOB_ID" | sed -n 's|^ *Command=||;T;s|/sweep\.sh\( .*\)\{0,1\}$||p;q')
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
    if [[ -z ${SLURM_JOB_ID:-} ]]; then # what is submitted stays, when FILE is edited before the jobs run
        kept=${scp_opt[--run]:-${SCPPDM_RUN:-run}}/sweep
        copy=$kept/list-$(cksum <"$list" | cut -d ' ' -f 1)
        if [[ $list != "$copy" ]]; then
            { mkdir -p "$kept" && cp "$list" "$copy"; } || scp_die 74 "cannot write $copy"
        fi
        set -- "$@" --list "$copy" # the last one counts
    fi
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
line=${variants[scp_member]}
if [[ -e $folder/variant && $(<"$folder/variant") != "$line" ]]; then
    scp_die 65 "$folder is of another variant ($(<"$folder/variant")), not of line $((scp_member + 1)) of $list" \
        "($line): move $scp_run/sweep away, or take another --run folder"
fi
for name in vae latents.h5 weights-vae.safetensors; do
    [[ -L $folder/$name || ! -e $folder/$name ]] ||
        scp_die 65 "$folder/$name is no link to that of $base, so no sweep made it: move $folder away"
done
mkdir -p "$folder" || scp_die 74 "cannot make $folder"
printf '%s\n' "$line" >"$folder/variant"
for name in vae latents.h5 weights-vae.safetensors; do ln -sfn "$base/$name" "$folder/$name"; done
scp_args=(--config "$base/config.yaml" "${scp_args[@]}" --run "$folder" "${words[@]}")
# Training never writes through a link into the run's own folder. A variant that began with a network of its own,
# before the run had one, keeps it.
if [[ $sampling == yes && -e $base/train/LATEST && (-L $folder/train || ! -e $folder/train) ]]; then
    ln -sfn "$base/train" "$folder/train"
else
    if [[ -L $folder/train ]]; then rm "$folder/train" || scp_die 74 "cannot remove the link $folder/train"; fi
    scp_run=$folder
    scp_step scppdm_train "${scp_args[@]}"
fi
scp_step scppdm_eval "${scp_args[@]}"
scp_end
