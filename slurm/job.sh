# shellcheck shell=bash disable=SC2154 # variables of lib.sh, which sources this
# Inside a job: the way ranks are started, stop requests, requeue, and the data a step needs.
#
# Stop requests. USR1 comes to this shell when time is nearly up (#SBATCH --signal=B:USR1@...), TERM when the
# job is preempted; scp_stop holds the first. Both are handed to the ranks as USR1; they agree on a step, write a
# checkpoint and exit 85. The job is then put back into the queue and its next start goes on in the same run folder.

scp_pid=    # the launcher that runs
scp_timer=  # the process that requeues at the last moment
scp_lead=   # seconds that the signal came before the time limit
scp_id=${SLURM_ARRAY_JOB_ID:+${SLURM_ARRAY_JOB_ID}_$SLURM_ARRAY_TASK_ID} # an array's last member has the array's id
scp_id=${scp_id:-$SLURM_JOB_ID}

# The modules of the site. Batch shells often do not know `module`.
scp_load_modules() {
    local m file
    if ((${#SCPPDM_MODULES[@]} > 0)) && ! command -v module >/dev/null; then
        for file in "${MODULESHOME:-}/init/bash" "${LMOD_PKG:-}/init/bash" /etc/profile.d/*mod*.sh; do
            # shellcheck source=/dev/null
            if [[ -r $file ]]; then source "$file"; fi
        done
    fi
    for m in "${SCPPDM_MODULES[@]}"; do
        module load "$m" || scp_refuse SCPPDM_MODULES "module load $m failed" "$m"
    done
}

# The launcher and what stands between it and the program, in the array scp_launch.
scp_set_launcher() {
    local run=("${SCPPDM_CONTAINER_RUN[@]}")
    case $SCPPDM_LAUNCH in
    srun)
        if ! srun --mpi=list 2>&1 | tr -s ' \t,:' '\n' | grep -qx -e "$SCPPDM_MPI"; then
            scp_refuse SCPPDM_MPI "this Slurm has no '$SCPPDM_MPI', only:$(srun --mpi=list 2>&1 | tail -n +2 |
                tr -s ' \t\n' ' ')(srun --mpi=list); or SCPPDM_LAUNCH=mpirun"
        fi
        # --wait: when a rank is gone, the others may hang in a collective; end them.
        scp_launch=(srun "--mpi=$SCPPDM_MPI" --cpu-bind=cores --wait=30)
        if [[ -n ${SLURM_CPUS_PER_TASK:-} ]]; then scp_launch+=("--cpus-per-task=$SLURM_CPUS_PER_TASK"); fi
        ;;
    mpirun)
        command -v mpirun >/dev/null || scp_refuse SCPPDM_LAUNCH "there is no mpirun in PATH; load its module"
        scp_launch=(mpirun -n "${SLURM_NTASKS:-1}" --bind-to none)
        ;;
    esac
    [[ -n $SCPPDM_CONTAINER ]] || return 0
    if ((${#run[@]} == 0)); then
        run=(apptainer exec)
        if ! command -v apptainer >/dev/null && command -v singularity >/dev/null; then run=(singularity exec); fi
        if ((SCPPDM_GPUS > 0)); then run+=(--nv); fi
    fi
    command -v "${run[0]}" >/dev/null || scp_refuse SCPPDM_CONTAINER_RUN "there is no '${run[0]}' on $(hostname -s)"
    scp_launch+=("${run[@]}" "$SCPPDM_CONTAINER")
}

# One rank a GPU, all GPUs of the node seen by each rank.
scp_check_gpus() {
    local ranks=${SLURM_NTASKS_PER_NODE:-${SLURM_NTASKS:-1}} gpus=${SLURM_GPUS_ON_NODE:-$SCPPDM_GPUS}
    ((scp_kind_gpus > 0)) || return 0
    if ((gpus < SCPPDM_GPUS)); then
        scp_refuse SCPPDM_GPUS "SCPPDM_GPUS=$SCPPDM_GPUS, but the job has $gpus a node: submit with \
$scp_dir/$scp_stage, or sbatch --gpus-per-node=$SCPPDM_GPUS --ntasks-per-node=$SCPPDM_GPUS"
    fi
    if [[ $ranks =~ ^[0-9]+$ ]] && ((ranks > SCPPDM_GPUS)); then
        scp_refuse SCPPDM_GPUS "$ranks ranks a node, but SCPPDM_GPUS=$SCPPDM_GPUS: one rank a GPU; submit with \
$scp_dir/$scp_stage, or sbatch --ntasks-per-node=$SCPPDM_GPUS"
    fi
    if [[ -n ${SLURM_GPUS_PER_TASK:-} ]]; then
        scp_die 64 "the job was given --gpus-per-task, which hides a rank's neighbours from it; use --gpus-per-node"
    fi
}

# What is in force, in the log of the job.
scp_print_job() {
    scp_log "job $scp_id, start ${SLURM_RESTART_COUNT:-0}, partition ${SLURM_JOB_PARTITION:-?}," \
        "account ${SLURM_JOB_ACCOUNT:-none}, nodes ${SLURM_JOB_NODELIST:-?}, time left $(scp_squeue %L)"
    scp_log "${SLURM_NTASKS:-1} ranks x $OMP_NUM_THREADS threads, ${scp_kind_gpus/#0/no} GPUs a node, in $PWD"
    scp_log "site file ${scp_site_file:-none}, modules ${SCPPDM_MODULES[*]:-none}"
    scp_log "launcher ${scp_launch[*]}, programs ${SCPPDM_CONTAINER:-${SCPPDM_BIN:-from PATH}}"
    if [[ -n $SCPPDM_PARTITION && ,$SCPPDM_PARTITION, != *,${SLURM_JOB_PARTITION:-},* ]]; then
        scp_log "warning: this is not partition $SCPPDM_PARTITION of the site file: plain sbatch does not read it;" \
            "submit with $scp_dir/$scp_stage"
    fi
}

scp_squeue() { squeue --noheader --jobs "$scp_id" --format "$1" 2>/dev/null | head -n 1; }

scp_job_begin() {
    scp_load_modules
    if [[ -n $SCPPDM_BIN && -z $SCPPDM_CONTAINER ]]; then PATH=$SCPPDM_BIN:$PATH; fi
    [[ -n $SCPPDM_CONTAINER ]] || command -v scppdm_train >/dev/null ||
        scp_refuse SCPPDM_BIN "the programs are not in PATH; name their folder"
    export OMP_NUM_THREADS=${SLURM_CPUS_PER_TASK:-1} OMP_PLACES=${OMP_PLACES:-cores}
    trap 'scp_on_stop USR1' USR1
    trap 'scp_on_stop TERM' TERM
    scp_set_launcher
    scp_check_gpus
    scp_print_job
    scp_defaults
    trap 'if [[ -n $scp_timer ]]; then kill "$scp_timer" 2>/dev/null; fi' EXIT
}

# scp_seconds [DAYS-][HOURS:]MINUTES:SECONDS, as squeue prints times; nothing for another text.
scp_seconds() {
    [[ $1 =~ ^(([0-9]+)-)?(([0-9]+):)?([0-9]+):([0-9]+)$ ]] || return 1
    local d=${BASH_REMATCH[2]:-0} h=${BASH_REMATCH[4]:-0} m=${BASH_REMATCH[5]} s=${BASH_REMATCH[6]}
    echo $(((10#$d * 24 + 10#$h) * 3600 + 10#$m * 60 + 10#$s))
}

scp_on_stop() {
    local left
    if [[ -z $scp_stop ]]; then
        scp_stop=$1
        scp_stop_at=$SECONDS
        if [[ $1 == USR1 ]] && left=$(scp_seconds "$(scp_squeue %L)"); then
            scp_lead=$left
            scp_log "stop request (USR1), $left s before the time limit: handed to the ranks"
            # A step that cannot stop in time is requeued all the same, and goes on from its last checkpoint.
            left=$((left > 25 ? left - 20 : left / 2))
            (sleep "$left" && scp_log "the ranks did not stop in time: requeue" && scontrol requeue "$scp_id") &
            scp_timer=$!
        else
            scp_log "stop request ($1): handed to the ranks"
        fi
    fi
    if [[ -n $scp_pid ]]; then kill -USR1 "$scp_pid" 2>/dev/null; fi
}

# scp_step PROGRAM ARGUMENTS: run on all tasks. On failure the job ends with the program's code; a stop request
# that comes between two steps ends it before the next.
scp_step() {
    local code
    if [[ -n $scp_stop ]]; then scp_end 85; fi
    # A rank takes the GPU of its number on the node; without one it fails, instead of computing on the CPU.
    case $1 in scppdm_vae | scppdm_train | scppdm_eval | scppdm_predict | scppdm_ablate)
        if ((SCPPDM_GPUS > 0)) && [[ " $* " != *" --device"[=\ ]* ]]; then set -- "$@" --device cuda; fi ;;
    esac
    scp_log "\$ $*"
    "${scp_launch[@]}" "$@" &
    scp_pid=$!
    # A trapped signal ends wait early: go on until the launcher itself is gone.
    while :; do
        wait "$scp_pid"
        code=$?
        kill -0 "$scp_pid" 2>/dev/null || break
    done
    scp_pid=
    scp_log "$1: exit code $code"
    if [[ -n $scp_stop ]]; then
        scp_log "stopped $((SECONDS - scp_stop_at)) s after the request"
        if [[ -n $scp_lead ]] && (((SECONDS - scp_stop_at) * 2 > scp_lead)); then
            scp_log "warning: that is more than half of the $scp_lead s there were: give it more time," \
                "--signal=B:USR1@$((scp_lead * 2)) in SCPPDM_SBATCH"
        fi
    fi
    # Ranks that had no handler yet when the signal came have lost nothing.
    if [[ -n $scp_stop && ($code -eq 138 || $code -eq 143) ]]; then code=85; fi
    if [[ $code -ne 0 ]]; then scp_end "$code"; fi
}

# scp_end [CODE]: 85 means "checkpointed, please requeue", 75 "try again".
scp_end() {
    local code=${1:-0} state
    if [[ $code -ne 85 && $code -ne 75 ]]; then exit "$code"; fi
    # A job that is being cancelled would rise again.
    state=$(scp_squeue %T)
    if [[ $state != RUNNING ]]; then
        scp_log "not requeued: Slurm ends the job (${state:-gone}); the same command goes on from the checkpoint"
    elif ((${SLURM_RESTART_COUNT:-0} >= (code == 75 ? 3 : SCPPDM_REQUEUES))); then
        scp_log "not requeued: started $((SLURM_RESTART_COUNT + 1)) times (SCPPDM_REQUEUES=$SCPPDM_REQUEUES)"
    else
        scp_log "requeue $scp_id"
        # Slurm ends this shell; do not report an end before.
        if scontrol requeue "$scp_id"; then
            sleep 60
        else
            scp_log "not requeued: Slurm refuses; the same command goes on from the checkpoint"
        fi
    fi
    exit "$code"
}

# Number of this member of the array in scp_member; the seed of it changes slowest.
scp_set_member() {
    scp_member=${SLURM_ARRAY_TASK_ID:-0}
    if ((scp_members == 0)); then return; fi
    [[ -n ${SLURM_ARRAY_TASK_ID:-} ]] ||
        scp_die 64 "this is an array of $scp_members jobs: run $scp_dir/$scp_stage, which submits it, or sbatch" \
            "--array=0-$((scp_members - 1))"
    ((scp_member < scp_members)) ||
        scp_die 64 "there is no member $scp_member: the array is 0-$((scp_members - 1))"
    ((${#SCPPDM_SEEDS[@]} > 0)) || return 0
    scp_seed=${SCPPDM_SEEDS[scp_member / (scp_members / ${#SCPPDM_SEEDS[@]})]}
}

# The run folder of this member, and what the arguments leave open.
scp_defaults() {
    local i arg scp_seed=
    scp_run=${scp_opt[--run]:-${SCPPDM_RUN:-run}}
    if [[ $scp_kind == prep || $scp_kind == report ]]; then return; fi # no option --run
    scp_set_member
    if [[ -n $scp_seed ]]; then
        scp_run+=/seed-$scp_seed
        scp_args+=("--train.seed=$scp_seed" "--vae_train.seed=$scp_seed")
    fi
    scp_args+=(--run "$scp_run")
    # Later steps take all settings from the run folder.
    if [[ $scp_kind == vae || $scp_kind == train ]] && [[ -z ${scp_opt[--config]:-} && -n $SCPPDM_CONFIG ]]; then
        scp_args=(--config "$SCPPDM_CONFIG" "${scp_args[@]}")
    fi
    if ((${SLURM_RESTART_COUNT:-0} > 0)); then # --fresh has been done
        for i in "${!scp_args[@]}"; do
            arg=${scp_args[i]}
            if [[ $arg == --fresh || $arg == --fresh=true ]]; then unset "scp_args[i]"; fi
        done
    fi
}

# scp_prep OUTPUT [ARGUMENTS]: the shard from the plates.
scp_prep() {
    local shard=$1 drugs=${scp_opt[--drugs]:-$SCPPDM_DRUGS} config=${scp_opt[--prep-config]:-$SCPPDM_PREP_CONFIG}
    local beside
    shift
    beside=$(dirname "${scp_plates[0]:-.}")
    if [[ -z $config && -e $beside/truth.h5 ]]; then config=$scp_conf/prep-demo.yaml; fi # plates of scppdm_synth
    if [[ -n $config && ! -r $config && -r $scp_conf/$config ]]; then config=$scp_conf/$config; fi
    if [[ -z $drugs && -e $beside/drugs.tsv ]]; then drugs=$beside/drugs.tsv; fi
    scp_step scppdm_prep ${config:+--config "$config"} "${scp_plates[@]}" ${drugs:+--drugs "$drugs"} \
        --output "$shard" "$@"
}

# The shard that the arguments name, or else the run folder, or else ./shard.h5; built where it does not exist.
scp_need_shard() {
    local named=${scp_opt[--shard]:-} shard=${scp_opt[--shard]:-$SCPPDM_SHARD}
    if [[ -z $shard && -e $scp_run/config.yaml ]]; then return; fi
    shard=${shard:-shard.h5}
    if [[ -z $named ]]; then scp_args+=(--shard "$shard"); fi
    if [[ ! -e $shard ]]; then
        scp_find_plates
        if ((${#scp_plates[@]} == 0)); then
            if [[ $shard != shard.h5 || $SCPPDM_SYNTH == none ]]; then
                scp_no_plates "$shard"
            fi
            scp_log "NO PLATES were named, and $PWD/plates has none: a made-up screen is written there and used." \
                "Your own: --plates 'FOLDER/*.h5ad', or SCPPDM_PLATES in ${scp_site_file:-site.conf}"
            scp_step scppdm_synth plates --preset "$SCPPDM_SYNTH"
            scp_find_plates
        fi
        scp_log "no shard $shard yet: building it from ${#scp_plates[@]} plates"
        scp_prep "$shard"
    fi
    # The paper's settings are for millions of cells.
    if [[ -z ${scp_opt[--config]:-}$SCPPDM_CONFIG && $shard == shard.h5 && -e plates/truth.h5 &&
        $scp_kind != baselines ]]; then
        scp_args=(--config "$scp_conf/demo.yaml" "${scp_args[@]}")
    fi
}

# The autoencoder of the run folder, which diffusion models stand on and baselines do not.
scp_need_vae() {
    case ${scp_opt[--model]:-scppdm} in scppdm | regression) ;; *) return 0 ;; esac
    if [[ ! -e $scp_run/latents.h5 ]]; then
        scp_log "no autoencoder in $scp_run yet: training it"
        scp_step scppdm_vae "${scp_args[@]}"
    fi
}
