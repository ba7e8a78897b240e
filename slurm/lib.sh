# shellcheck shell=bash
# What the job scripts share. Sourced by them, with scp_dir set to this folder.
#
# A job script is given to sbatch, or run as a command: then it submits itself with the options of site.conf.
# Inside the job, or inside an allocation (salloc), it does the work. It says
#
#     scp_settings train "$@"     settings of the site, arguments
#     scp_begin "$@"              outside a job: submit, and leave
#     scp_step PROGRAM ARG...     run a program on all tasks (job.sh)
#     scp_end                     requeue where a stop was asked for
#
# Settings are described in site.conf.

scp_scalars="SCPPDM_PARTITION SCPPDM_ACCOUNT SCPPDM_GPUS SCPPDM_BIN SCPPDM_CONTAINER SCPPDM_LAUNCH SCPPDM_MPI"
scp_scalars+=" SCPPDM_REQUEUES SCPPDM_RUN SCPPDM_SHARD SCPPDM_DRUGS SCPPDM_PREP_CONFIG SCPPDM_CONFIG SCPPDM_SYNTH"
scp_kinds="prep vae train eval predict ablate sweep baselines report"
scp_lists="SCPPDM_SBATCH SCPPDM_MODULES SCPPDM_CONTAINER_RUN SCPPDM_PLATES SCPPDM_SEEDS"
for scp_kind in $scp_kinds; do scp_lists+=" SCPPDM_SBATCH_${scp_kind^^}"; done
declare -A scp_from=() # where a setting comes from when not from the site file: environment, arguments

# A stop request may come before the job has begun its work (job.sh).
scp_stop=
if [[ -n ${SLURM_JOB_ID:-} ]]; then trap 'scp_stop=USR1' USR1 && trap 'scp_stop=TERM' TERM; fi

scp_log() { echo "$(date '+%F %T') ${scp_stage:-scppdm}: $*"; }

# scp_die CODE TEXT: end with a message.
scp_die() {
    local code=$1
    shift
    echo "${scp_stage:-scppdm}: error: $*" >&2
    exit "$code"
}

# scp_refuse NAME TEXT [WORD]: end because of a setting; show the line to change: the one with WORD, else the
# last that sets NAME.
scp_refuse() {
    local name=$1 text=$2 word=${3:-} line=
    if [[ -n ${scp_from[$name]:-} ]]; then scp_die 64 "$name from the ${scp_from[$name]}: $text"; fi
    if [[ -n $scp_site_file ]]; then
        [[ -n $word ]] && line=$(grep -nF -e "$word" "$scp_site_file" | grep -v '^[0-9]*: *#' | tail -n 1)
        [[ -n $line ]] || line=$(grep -nE "^[[:space:]]*(export[[:space:]]+)?$name(\+)?=" "$scp_site_file" | tail -n 1)
        [[ -n $line ]] || line=$(grep -nE "^#$name=" "$scp_site_file" | tail -n 1)
    fi
    if [[ -n $line ]]; then
        scp_die 64 "$scp_site_file, line ${line%%:*}: $text"$'\n'"    ${line#*:}"
    fi
    scp_die 64 "$name: $text; set it in ${scp_site_file:-a site file (see $scp_dir/site.conf)}"
}

# A name in the site file that is no setting would be a setting that silently does nothing.
scp_check_names() {
    local line name
    while IFS=: read -r line name; do
        [[ " $scp_scalars $scp_lists SCPPDM_SLURM_DIR SCPPDM_PROBE " == *" $name "* ]] ||
            scp_die 64 "$scp_site_file, line $line: $name is not a setting; site.conf of the scripts lists them all"
    done < <(sed -nE 's/^[[:space:]]*(export[[:space:]]+)?(SCPPDM_[A-Za-z0-9_]*)\+?=.*/\2/;T;=;p' "$scp_site_file" |
        paste -d : - -)
}

# The site file: found, checked, read. What the environment says goes before it.
scp_read_site() {
    local name found
    local -A given=()
    scp_given=() # for the environment of the job
    for name in $scp_scalars $scp_lists; do
        if [[ -n ${!name+x} ]]; then
            given[$name]=${!name}
            scp_given+=("$name=${!name}")
            scp_from[$name]=environment
        fi
        unset "$name"
    done
    if [[ -n ${SCPPDM_SITE:-} ]]; then
        scp_site_file=$SCPPDM_SITE
        [[ -r $scp_site_file ]] || scp_die 66 "SCPPDM_SITE names $scp_site_file, which cannot be read"
    else
        scp_site_file=${XDG_CONFIG_HOME:-${HOME:-/nonexistent}/.config}/scppdm/site.conf
        [[ -r $scp_site_file ]] || scp_site_file=$scp_dir/site.conf
        [[ -r $scp_site_file ]] || scp_site_file=
    fi
    if [[ -n $scp_site_file ]]; then
        found=$(bash -n "$scp_site_file" 2>&1) || scp_die 64 "$found"
        scp_check_names
        # shellcheck source=slurm/site.conf
        source "$scp_site_file"
    fi
    for name in "${!given[@]}"; do
        if [[ " $scp_lists " == *" $name "* ]]; then
            # The environment knows no lists: words, and patterns of file names.
            unset "$name"
            # shellcheck disable=SC2229 # the list of that name
            IFS=$' \t\n,' read -ra "$name" <<<"${given[$name]}"
        else
            printf -v "$name" %s "${given[$name]}"
        fi
    done
}

# scp_check_number NAME LEAST
scp_check_number() {
    [[ ${!1} =~ ^[0-9]{1,6}$ && ${!1} -ge $2 ]] || scp_refuse "$1" "'${!1}' is not a whole number from $2 on"
}

# scp_check_file NAME TEXT: a file of settings, as a path or as the name of one that comes with the code.
scp_check_file() {
    local name=$1
    [[ -z ${!name} ]] && return
    if [[ ! -r ${!name} && -r $scp_conf/${!name} ]]; then printf -v "$name" %s "$scp_conf/${!name}"; fi
    [[ -r ${!name} ]] || scp_refuse "$name" "the file '${!name}' cannot be read; $2"
}

scp_check_lists() {
    local word seen=" "
    for word in "${SCPPDM_SBATCH[@]}" "${scp_kind_sbatch[@]}"; do
        case $word in
        --gpus-per-task* | --gpu-bind*)
            scp_refuse SCPPDM_SBATCH "$word hides a rank's neighbours from it, and NCCL is slow or fails; \
set SCPPDM_GPUS, ranks choose by their number on the node" "$word" ;;
        --?*) ;;
        *) scp_refuse SCPPDM_SBATCH "'$word' is not of the form --name=value" "$word" ;;
        esac
        if ((SCPPDM_GPUS > 0)) && [[ $word == --ntasks-per-node=* && $word != *=$SCPPDM_GPUS ]]; then
            [[ " ${scp_kind_sbatch[*]} " == *" $word "* ]] ||
                scp_refuse SCPPDM_SBATCH "$word, but SCPPDM_GPUS=$SCPPDM_GPUS: one rank a GPU" "$word"
        fi
    done
    for word in "${SCPPDM_SEEDS[@]}"; do
        [[ $word =~ ^[0-9]{1,15}$ ]] || scp_refuse SCPPDM_SEEDS "'$word' is not a seed (a whole number)"
        [[ $seen != *" $word "* ]] || scp_refuse SCPPDM_SEEDS "seed $word is there twice"
        seen+="$word "
    done
}

# scp_kind_options KIND: the options of sbatch for one kind of job in scp_kind_sbatch, its GPUs in scp_kind_gpus.
scp_kind_options() {
    local list="SCPPDM_SBATCH_${1^^}[@]"
    scp_kind_gpus=$SCPPDM_GPUS
    if [[ $1 == prep || $1 == report ]]; then scp_kind_gpus=0; fi
    scp_kind_sbatch=("${!list}")
}

# Defaults and checks of every setting.
scp_check_site() {
    : "${SCPPDM_PARTITION:=}" "${SCPPDM_ACCOUNT:=}" "${SCPPDM_GPUS:=0}" "${SCPPDM_BIN:=}" "${SCPPDM_CONTAINER:=}"
    : "${SCPPDM_LAUNCH:=srun}" "${SCPPDM_MPI:=pmix}" "${SCPPDM_REQUEUES:=100}" "${SCPPDM_RUN:=}" "${SCPPDM_SHARD:=}"
    : "${SCPPDM_DRUGS:=}" "${SCPPDM_PREP_CONFIG:=}" "${SCPPDM_CONFIG:=}" "${SCPPDM_SYNTH:=demo}"
    scp_conf=$scp_dir/../mpi/conf
    [[ -d $scp_conf ]] || scp_conf=$scp_dir/../conf
    [[ -d $scp_conf ]] && scp_conf=$(cd "$scp_conf" && pwd)
    scp_check_number SCPPDM_GPUS 0
    scp_check_number SCPPDM_REQUEUES 0
    scp_kind_options "$scp_kind"
    scp_check_lists
    [[ $SCPPDM_LAUNCH == srun || $SCPPDM_LAUNCH == mpirun ]] ||
        scp_refuse SCPPDM_LAUNCH "'$SCPPDM_LAUNCH' must be srun or mpirun"
    [[ $SCPPDM_MPI =~ ^[a-z0-9_]+$ ]] || scp_refuse SCPPDM_MPI "'$SCPPDM_MPI' is none of those of 'srun --mpi=list'"
    scp_check_file SCPPDM_PREP_CONFIG "settings that come with the code are in $scp_conf"
    scp_check_file SCPPDM_CONFIG "settings that come with the code are in $scp_conf"
    scp_check_file SCPPDM_DRUGS "it is the table of drugs and their structures"
    if [[ -n $SCPPDM_CONTAINER ]]; then
        [[ -e $SCPPDM_CONTAINER || $SCPPDM_CONTAINER == *://* ]] ||
            scp_refuse SCPPDM_CONTAINER "there is no image '$SCPPDM_CONTAINER'; slurm/scppdm.def and scppdm-cuda.def say how to build one"
    elif [[ -n $SCPPDM_BIN ]]; then
        [[ -x $SCPPDM_BIN/scppdm_train ]] || scp_refuse SCPPDM_BIN "there is no scppdm_train in '$SCPPDM_BIN'"
    else
        local folder
        for folder in "$scp_dir/../../../bin" "$scp_dir/../build"; do
            if [[ -x $folder/scppdm_train ]]; then SCPPDM_BIN=$(cd "$folder" && pwd) && break; fi
        done
    fi
}

# scp_take ARGUMENTS: what the scripts themselves understand goes into scp_opt, the rest into scp_args for the
# program. Both "--name value" and "--name=value" are read.
scp_take() {
    local name value
    scp_args=()
    scp_plates=()
    declare -gA scp_opt=()
    while [[ $# -gt 0 ]]; do
        name=${1%%=*}
        case $name in
        --plates | --drugs | --prep-config | --seeds | --list | --baselines | --run | --shard | --config | \
            --model | --train.model | --output)
            if [[ $1 == *=* ]]; then
                value=${1#*=}
            else
                [[ $# -ge 2 ]] || scp_die 64 "$name needs a value"
                value=$2
                shift
            fi
            ;;
        esac
        case $name in
        --plates) scp_plates+=("$value") ;;
        --drugs | --prep-config | --seeds | --list | --baselines) scp_opt[$name]=$value ;;
        --output)
            scp_opt[$name]=$value
            if [[ $scp_kind != prep ]]; then scp_args+=("$name" "$value"); fi
            ;;
        --run) scp_opt[$name]=$value ;; # a seed adds to it
        --shard | --config) scp_opt[$name]=$value scp_args+=("$name" "$value") ;;
        --model | --train.model) scp_opt[--model]=$value scp_args+=("$name" "$value") ;;
        *)
            # Plates by name, as a shell's pattern leaves them. Elsewhere such a file is an option's value.
            if [[ $1 == *.h5ad && $scp_kind =~ ^(prep|vae|train|pipeline)$ ]]; then
                scp_plates+=("$1")
            else
                scp_args+=("$1")
            fi
            ;;
        esac
        shift
    done
    if ((${#scp_plates[@]} > 0)); then scp_from[SCPPDM_PLATES]=arguments; fi
    if [[ -n ${scp_opt[--seeds]:-} ]]; then
        scp_from[SCPPDM_SEEDS]=arguments
        IFS=', ' read -ra SCPPDM_SEEDS <<<"${scp_opt[--seeds]}"
        scp_check_lists
    fi
}

# Plates in scp_plates: those of the arguments, of SCPPDM_PLATES, or in ./plates.
scp_find_plates() {
    local pattern found=()
    if ((${#scp_plates[@]} == 0)); then scp_plates=("${SCPPDM_PLATES[@]}"); fi
    if ((${#scp_plates[@]} == 0)) && compgen -G "plates/*.h5ad" >/dev/null; then scp_plates=("plates/*.h5ad"); fi
    for pattern in "${scp_plates[@]}"; do
        if [[ -e $pattern ]]; then
            found+=("$pattern")
        else
            compgen -G "$pattern" >/dev/null || scp_refuse SCPPDM_PLATES "no plate matches '$pattern' in $PWD"
            mapfile -t -O ${#found[@]} found < <(compgen -G "$pattern")
        fi
    done
    scp_plates=("${found[@]}")
}

# scp_no_plates SHARD: end, saying what is missing.
scp_no_plates() {
    scp_die 66 "there is no shard $1, and no plates to build it from: name them with --plates 'FOLDER/*.h5ad' or" \
        "SCPPDM_PLATES in ${scp_site_file:-site.conf}"
}

# The options of sbatch in scp_sbatch: site, kind of job, array.
scp_sbatch_options() {
    scp_sbatch=()
    [[ -n $SCPPDM_PARTITION ]] && scp_sbatch+=("--partition=$SCPPDM_PARTITION")
    [[ -n $SCPPDM_ACCOUNT ]] && scp_sbatch+=("--account=$SCPPDM_ACCOUNT")
    if ((scp_kind_gpus > 0)); then
        scp_sbatch+=("--gpus-per-node=$scp_kind_gpus" "--ntasks-per-node=$scp_kind_gpus")
    fi
    ((scp_members > 0)) && scp_sbatch+=("--array=0-$((scp_members - 1))%${scp_at_once:-4}")
    scp_sbatch+=("${SCPPDM_SBATCH[@]}" "${scp_kind_sbatch[@]}")
}

# scp_usage SCRIPT: its first comment.
scp_usage() {
    sed -n '/^# usage/,/^$/s/^# \{0,1\}//p' "$1"
    echo "Settings of the cluster: ${scp_site_file:-$scp_dir/site.conf}"
}

# scp_submit SCRIPT ARGUMENTS: give it to sbatch with the options of the site.
scp_submit() {
    local script=$1 code
    shift
    command -v sbatch >/dev/null || scp_die 69 "there is no sbatch here: submit on a login node of the cluster"
    scp_sbatch_options
    echo "$scp_stage: site file ${scp_site_file:-none}; sbatch ${scp_sbatch[*]} $script $*" >&2
    env "${scp_given[@]}" sbatch "${scp_sbatch[@]}" "$script" "$@" || {
        code=$?
        scp_die "$code" "sbatch refused: its options come from the #SBATCH lines of $script and from" \
            "${scp_site_file:-the environment} (SCPPDM_PARTITION, SCPPDM_ACCOUNT, SCPPDM_SBATCH*)"
    }
}

# scp_settings KIND ARGUMENTS: settings and arguments, without doing anything. An array that is more than its
# seeds changes scp_members afterwards; scp_runs is the number of run folders.
scp_settings() {
    scp_kind=$1
    scp_stage=$1.sh
    shift
    scp_members=0
    scp_read_site
    scp_check_site
    if [[ ${1:-} == --help || ${1:-} == -h ]]; then
        scp_usage "$scp_dir/$scp_stage"
        exit 0
    fi
    scp_take "$@"
    scp_members=${#SCPPDM_SEEDS[@]}
    # shellcheck disable=SC2034 # for the scripts
    scp_runs=$((scp_members > 0 ? scp_members : 1))
}

# scp_begin ARGUMENTS: everything before the work of a job.
scp_begin() {
    if [[ -z ${SLURM_JOB_ID:-} ]]; then
        scp_submit "$scp_dir/$scp_stage" "$@"
        exit 0
    fi
    # shellcheck source=slurm/job.sh
    source "$scp_dir/job.sh"
    scp_job_begin
}
