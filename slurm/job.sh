# shellcheck shell=bash disable=SC2154 # variables of lib.sh, which sources this
# Inside a job: the way ranks are started, stop requests, requeue. data.sh has the data that a step needs.
#
# Stop requests. USR1 comes to this shell when time is nearly up (#SBATCH --signal=B:USR1@...), TERM when the
# job is preempted; scp_stop holds the first. Both are handed to the ranks as USR1; they agree on a step, write a
# checkpoint and exit 85. The job is then put back into the queue and its next start goes on in the same run folder.

scp_pid=    # the launcher that runs
scp_starting= # yes while it is started, and its number is not known
scp_timer=  # the process that requeues at the last moment
scp_lead=   # seconds that the signal came before the time limit
scp_pause=${SCPPDM_PAUSE:-5} # seconds between two tries of a command of Slurm; the tests wait less
scp_id=${SLURM_ARRAY_JOB_ID:+${SLURM_ARRAY_JOB_ID}_$SLURM_ARRAY_TASK_ID} # an array's last member has the array's id
scp_id=${scp_id:-$SLURM_JOB_ID}

# shellcheck source=slurm/data.sh
source "$scp_dir/data.sh"

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

# The cores that this shell may use, hyperthreads of one counted once; 0 where the system does not say.
scp_cores() {
    local list range cpu
    list=$(sed -n 's/^Cpus_allowed_list:[[:space:]]*//p' /proc/self/status)
    for range in ${list//,/ }; do
        for ((cpu = ${range%-*}; cpu <= ${range#*-}; cpu++)); do
            cat "/sys/devices/system/cpu/cpu$cpu/topology/thread_siblings_list" 2>/dev/null
        done
    done | sort -u | wc -l
}

# mpirun binds a rank to as many cores as it has threads, where the node has so many. A rank that is not bound
# may use all: threads then go where the kernel sends them, never to places of our own (OMP_PLACES), which would be
# the same for all ranks of a node.
scp_set_mpirun() {
    local threads=${SLURM_CPUS_PER_TASK:-1} nodes n ranks=0 cores
    command -v mpirun >/dev/null || scp_refuse SCPPDM_LAUNCH "there is no mpirun in PATH; load its module"
    IFS=, read -ra nodes <<<"${SLURM_TASKS_PER_NODE:-${SLURM_NTASKS:-1}}" # 4(x2),3
    for n in "${nodes[@]%%(*}"; do
        ranks=$((n > ranks ? n : ranks))
    done
    cores=$(scp_cores)
    scp_launch=(mpirun -n "${SLURM_NTASKS:-1}")
    if ((ranks * threads <= cores)); then
        scp_launch+=(--map-by "slot:PE=$threads" --bind-to core)
    else
        scp_log "$ranks ranks x $threads threads on $cores cores: ranks are not bound to cores"
        scp_launch+=(--bind-to none)
    fi
}

# Programs without CUDA cannot be helped by the GPUs of the job.
scp_check_image() {
    local backends
    backends=$(env -i "PATH=$PATH" "HOME=${HOME:-/}" "$@" scppdm_info 2>/dev/null | grep '^backends:')
    if [[ -n $backends && $backends != *cuda* ]]; then
        scp_refuse SCPPDM_CONTAINER "its programs were built without CUDA, but SCPPDM_GPUS=$SCPPDM_GPUS: build an \
image with it (doc/cluster.md), or set SCPPDM_GPUS=0"
    fi
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
    mpirun) scp_set_mpirun ;;
    esac
    [[ -n $SCPPDM_CONTAINER ]] || return 0
    if ((${#run[@]} == 0)); then
        run=(apptainer exec)
        if ! command -v apptainer >/dev/null && command -v singularity >/dev/null; then run=(singularity exec); fi
        if ((SCPPDM_GPUS > 0)); then run+=(--nv); fi
    fi
    command -v "${run[0]}" >/dev/null || scp_refuse SCPPDM_CONTAINER_RUN "there is no '${run[0]}' on $(hostname -s)"
    if ((scp_kind_gpus > 0)); then scp_check_image "${run[@]}" "$SCPPDM_CONTAINER"; fi
    scp_launch+=("${run[@]}" "$SCPPDM_CONTAINER")
}

# One rank a GPU, all GPUs of the node seen by each rank.
scp_check_gpus() {
    local ranks=${SLURM_NTASKS_PER_NODE:-${SLURM_NTASKS:-1}} gpus=${SLURM_GPUS_ON_NODE:-0}
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

# scp_squeue FORMAT: a field of this job.
scp_squeue() {
    local lines
    lines=$(squeue --noheader --jobs "$scp_id" --format "$1" 2>/dev/null) || return 1
    echo "${lines%%$'\n'*}"
}

# scp_insist COMMAND...: again and again, for a controller that restarts does not answer.
scp_insist() {
    local i
    for ((i = 1; ; i++)); do
        "$@" && return
        ((i < 5)) || return 1
        sleep "$scp_pause"
    done
}

scp_job_begin() {
    scp_load_modules
    if [[ -n $SCPPDM_BIN && -z $SCPPDM_CONTAINER ]]; then PATH=$SCPPDM_BIN:$PATH; fi
    [[ -n $SCPPDM_CONTAINER ]] || command -v scppdm_train >/dev/null ||
        scp_refuse SCPPDM_BIN "the programs are not in PATH; name their folder"
    export OMP_NUM_THREADS=${SLURM_CPUS_PER_TASK:-1}
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
    if [[ $scp_starting == yes ]]; then # the timer would change $!
        scp_starting=$1
        return
    fi
    if [[ -n $scp_pid ]]; then kill -USR1 "$scp_pid" 2>/dev/null; fi
    if [[ -z $scp_stop ]]; then
        scp_stop=$1
        scp_stop_at=$SECONDS
        if [[ $1 == USR1 ]] && left=$(scp_seconds "$(scp_insist scp_squeue %L)"); then
            scp_lead=$left
            scp_log "stop request (USR1), $left s before the time limit: handed to the ranks"
            # A step that cannot stop in time is requeued all the same, and goes on from its last checkpoint.
            left=$((left > 25 ? left - 20 : left / 2))
            (sleep "$left" && scp_log "the ranks did not stop in time" && scp_requeue 85) &
            scp_timer=$!
        else
            scp_log "stop request ($1): handed to the ranks"
        fi
    fi
}

# scp_step PROGRAM ARGUMENTS: run on all tasks. On failure the job ends with the program's code; a stop request
# that comes between two steps ends it before the next.
scp_step() {
    local code last
    if [[ -n $scp_stop ]]; then scp_end 85; fi
    if scp_fresh_done "$@"; then
        for last; do # the arguments without it
            shift
            if [[ $last != --fresh && $last != --fresh=true ]]; then set -- "$@" "$last"; fi
        done
    fi
    # A rank takes the GPU of its number on the node; without one it fails, instead of computing on the CPU.
    case $1 in scppdm_vae | scppdm_train | scppdm_eval | scppdm_predict | scppdm_ablate)
        if ((SCPPDM_GPUS > 0)) && [[ " $* " != *" --device"[=\ ]* ]]; then set -- "$@" --device cuda; fi ;;
    esac
    scp_log "\$ $*"
    scp_starting=yes
    "${scp_launch[@]}" "$@" &
    scp_pid=$!
    last=$scp_starting
    scp_starting=
    if [[ $last != yes ]]; then # a child of this shell that is not yet the launcher would lose it
        sleep 1
        scp_on_stop "$last"
    fi
    # A trapped signal ends wait early: go on until the launcher itself is gone.
    while :; do
        wait "$scp_pid"
        code=$?
        kill -0 "$scp_pid" 2>/dev/null || break
    done
    # Where it ended while the trap ran, that is not its code yet. 127: it was.
    if ((code > 128)); then
        wait "$scp_pid" 2>/dev/null
        last=$?
        if ((last != 127)); then code=$last; fi
    fi
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

# The newest checkpoints of the run folder, as text that changes with them.
scp_latest() { stat --format '%n %i %y' "$@" 2>/dev/null; }

# scp_again: may this job, which ended with 75, be tried again? Three times in a row without a new checkpoint.
scp_again() {
    local file=$scp_run/.slurm/again-$scp_id n=0 before='' now
    now=$(scp_latest "$scp_run"/*/LATEST)
    if [[ -r $file ]]; then { read -r n && before=$(cat); } <"$file"; fi
    if [[ ! $n =~ ^[0-9]{1,6}$ || $before != "$now" ]]; then n=0; fi
    # Where nothing can be written, starts are counted.
    { mkdir -p "$scp_run/.slurm" && printf '%s\n' "$((n + 1))" "$now" >"$file"; } 2>/dev/null ||
        n=${SLURM_RESTART_COUNT:-0}
    ((n < 3))
}

# scp_requeue CODE: put the job back into the queue, where the settings and Slurm let it.
scp_requeue() {
    local state resume="the same command goes on from the checkpoint"
    state=$(scp_insist scp_squeue %T) # nothing, where the controller does not answer
    if [[ $state == CANCELLED || $state == COMPLETING ]]; then # it would rise again
        scp_log "not requeued: Slurm ends the job ($state); $resume"
    elif ((${SLURM_RESTART_COUNT:-0} >= SCPPDM_REQUEUES)); then
        scp_log "not requeued: started $((SLURM_RESTART_COUNT + 1)) times (SCPPDM_REQUEUES=$SCPPDM_REQUEUES); $resume"
    elif [[ $1 -eq 75 ]] && ! scp_again; then
        scp_log "not requeued: exit code 75 in four starts without a new checkpoint"
    else
        scp_log "requeue $scp_id"
        scp_insist scontrol requeue "$scp_id" && return
        scp_log "not requeued: Slurm refuses; $resume"
    fi
    return 1
}

# scp_end [CODE]: 85 means "checkpointed, please requeue", 75 "try again".
scp_end() {
    local code=${1:-0}
    if [[ $code -eq 0 ]]; then
        rm -f "$scp_run/.slurm"/*-"$scp_id"
    elif [[ $code -eq 85 || $code -eq 75 ]]; then
        # Slurm ends this shell; do not report an end before.
        if scp_requeue "$code"; then sleep $((12 * scp_pause)); fi
    fi
    exit "$code"
}

# scp_fresh_done PROGRAM ARGUMENTS: is --fresh among them, and has an earlier start of this job done it? That is so
# when the stage has a checkpoint, and another than when the job came to the stage first.
scp_fresh_done() {
    local program=$1 stage=train before now file
    [[ " $* " == *" --fresh "* || " $* " == *" --fresh=true "* ]] || return 1
    while (($# > 0)); do
        case $1 in
        --model | --train.model) stage=${2:-} ;;
        --model=* | --train.model=*) stage=${1#*=} ;;
        --index) stage=ablation-$(printf %s ABCDEF | cut -c "$((${2:-0} + 1))") ;;
        esac
        shift
    done
    case $program:$stage in
    scppdm_vae:*) stage=vae ;;
    *:scppdm) stage=train ;;
    esac
    file=$scp_run/.slurm/fresh-$stage-$scp_id
    now=$(scp_latest "$scp_run/$stage/LATEST")
    if ((${SLURM_RESTART_COUNT:-0} > 0)) && [[ -r $file ]]; then
        before=$(cat "$file")
        [[ -n $now && $now != "$before" ]]
        return
    fi
    { mkdir -p "$scp_run/.slurm" && printf '%s\n' "$now" >"$file"; } ||
        scp_die 74 "cannot write $file"
    return 1
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
    local scp_seed=
    scp_run=${scp_opt[--run]:-${SCPPDM_RUN:-run}}
    if [[ $scp_kind == prep ]]; then scp_run=.; fi # notes of the job go beside its log
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
}
