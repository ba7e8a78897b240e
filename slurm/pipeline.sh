#!/bin/bash
# usage: slurm/pipeline.sh [--plates 'FOLDER/*.h5ad'] [--drugs FILE] [--prep-config FILE] [--config FILE]
#            [--shard SHARD.h5] [--run FOLDER] [--seeds 1,2,3] [--baselines ridge,mlp,...|none] [--no-ablations]
#            [--no-report] [--dry-run] [OPTION...]
#
# Submit the whole chain, each step when those it needs have ended well:
#     prep, vae, train, ablations (array), baselines (array), eval, predict, report
# and print the job ids. What is not given comes from site.conf. The shard is not built again where it exists. With
# --seeds every step from vae on is an array with a run folder a seed (FOLDER/seed-1, ...). Further options go to
# vae and train; all later steps take them from the run folder. --dry-run prints the calls of sbatch and submits
# nothing.

scp_dir=${SCPPDM_SLURM_DIR:-$(dirname "$(readlink -f "$0")")}
# shellcheck source=slurm/lib.sh
source "$scp_dir/lib.sh" || exit 66

ablations=yes
report=yes
dry_run=no
words=()
for word in "$@"; do
    case $word in
    --no-ablations) ablations=no ;;
    --no-report) report=no ;;
    --dry-run) dry_run=yes ;;
    --help | -h) words=(--help); break ;;
    *) words+=("$word") ;;
    esac
done
scp_settings pipeline "${words[@]}"
command -v sbatch >/dev/null || [[ $dry_run == yes ]] ||
    scp_die 69 "there is no sbatch here: submit on a login node of the cluster"

folder=${scp_opt[--run]:-${SCPPDM_RUN:-run}}
shard=${scp_opt[--shard]:-${SCPPDM_SHARD:-shard.h5}}
if [[ $report == yes && -z $SCPPDM_CONTAINER ]] && ! PATH=$SCPPDM_BIN:$PATH command -v scppdm_report >/dev/null; then
    echo "no report: this build has no scppdm_report" >&2
    report=no
fi
baselines=${scp_opt[--baselines]:-ridge,mlp}
seeds=${SCPPDM_SEEDS[*]}
seeds=${seeds// /,}
export SCPPDM_SLURM_DIR=$scp_dir
[[ -z $scp_site_file ]] || export SCPPDM_SITE=$scp_site_file
submitted=()

# submit NAME DEPENDENCY MEMBERS [ARGUMENT...]: one step; its job id is in the variable id.
submit() {
    local name=$1 dependency=$2 command
    scp_members=$3
    shift 3
    scp_kind_options "$name"
    scp_check_lists
    scp_sbatch_options
    command=(sbatch --parsable "${scp_sbatch[@]}" ${dependency:+"--dependency=$dependency" --kill-on-invalid-dep=yes}
        "$scp_dir/$name.sh" "$@" ${seeds:+--seeds "$seeds"})
    if [[ $dry_run == yes ]]; then
        id="<$name>"
        printf '%q ' "${command[@]}"
        echo
        return
    fi
    if ! id=$(env "${scp_given[@]}" "${command[@]}"); then
        ((${#submitted[@]} == 0)) || scancel "${submitted[@]}"
        scp_die 69 "$name was refused, the steps before it are cancelled (${submitted[*]:-none}). Options come from" \
            "the #SBATCH lines of $scp_dir/$name.sh and from ${scp_site_file:-the environment}"
    fi
    id=${id%%;*}
    submitted+=("$id")
    printf '%-10s %-10s %s\n' "$name" "$id" "${dependency:-}"
}

# after ID...: a dependency on all of them.
after() {
    local list
    list=$(IFS=: && echo "$*")
    [[ -z $list ]] || echo "afterok:$list"
}

echo "site file ${scp_site_file:-none}, run folder $folder, shard $shard, seeds ${seeds:-as the settings say}" >&2
n=${#SCPPDM_SEEDS[@]}
id=
prep=()
if [[ ! -e $shard ]]; then
    scp_find_plates
    if ((${#scp_plates[@]} == 0)); then
        if [[ $shard != shard.h5 || $SCPPDM_SYNTH == none || $n -gt 0 ]]; then scp_no_plates "$shard"; fi
        echo "no plates: vae.sh makes up a screen (preset $SCPPDM_SYNTH)" >&2
    else
        options=(--output "$shard")
        for name in --drugs --prep-config; do
            [[ -z ${scp_opt[$name]:-} ]] || options+=("$name" "${scp_opt[$name]}")
        done
        seeds_kept=$seeds seeds=
        submit prep "" 0 "${scp_plates[@]}" "${options[@]}"
        seeds=$seeds_kept
        prep=("$id")
    fi
fi
settings=("${scp_args[@]}" --shard "$shard" --run "$folder")
submit vae "$(after "${prep[@]}")" "$n" "${settings[@]}"
# With seeds, member k of a step waits for member k of the one before only.
vae=$(after "$id")
if ((${#prep[@]} == 0)); then prep=("$id"); fi # it may have built the shard
if ((n > 0)); then vae=aftercorr:$id; fi
submit train "$vae" "$n" "${settings[@]}"
train=$id scored=("$id") reported=()
models=scppdm
if [[ $baselines != none ]]; then
    IFS=, read -ra names <<<"$baselines"
    submit baselines "$(after "${prep[@]}")" "$((${#names[@]} * (n > 0 ? n : 1)))" --baselines "$baselines" \
        --shard "$shard" --run "$folder"
    scored+=("$id")
    models+=,$baselines
fi
if [[ $ablations == yes ]]; then
    submit ablate "$(after "$train")" "$((6 * (n > 0 ? n : 1)))" --run "$folder"
    reported+=("$id")
fi
models+=,perturb_mean,context_mean,global_mean,no_change
submit eval "$(after "${scored[@]}")" "$n" --run "$folder" --models "$models"
reported+=("$id")
submit predict "$(after "$id")" "$n" --run "$folder" --splits uc,ud
reported+=("$id")
if [[ $report == yes ]]; then
    submit report "$(after "${reported[@]}")" 0 --run "$folder"
fi
