# shellcheck shell=bash
# What the job scripts share: site settings, launcher, signals, requeue. Sourced by them.
#
# A job script is submitted with sbatch, or run as a command, and then submits itself with the options
# of site.conf. Inside the job it calls scp_job PROGRAM ARGUMENTS.
#
#   SCPPDM_SITE      site file (default: site.conf beside the scripts, if it exists)
#   SCPPDM_LAUNCH    srun (default) or mpirun
#   SCPPDM_MPI       what srun --mpi is told (default: pmix)
#   SCPPDM_BIN       folder of the programs (default: the installed ones, else PATH)
#   SCPPDM_SBATCH    array of further sbatch options
#   SCPPDM_MODULES   array of modules to load

scp_log() { echo "$(date '+%F %T') ${SLURM_JOB_NAME:-scppdm}: $*"; }

# scp_site: read the site file, load modules, find the programs.
scp_site() {
    SCPPDM_SBATCH=()
    SCPPDM_MODULES=()
    local site=${SCPPDM_SITE:-$scp_slurm_dir/site.conf}
    if [[ -e $site ]]; then
        # shellcheck source=/dev/null
        source "$site"
    elif [[ -n ${SCPPDM_SITE:-} ]]; then
        echo "SCPPDM_SITE names $site, which does not exist" >&2
        exit 66
    fi
    if [[ -z ${SCPPDM_BIN:-} && -x $scp_slurm_dir/../../../bin/scppdm_train ]]; then
        SCPPDM_BIN=$(cd "$scp_slurm_dir/../../../bin" && pwd)
    fi
}

# scp_submit SCRIPT ARGUMENTS: outside a job, submit SCRIPT and leave; inside a job, do nothing.
scp_submit() {
    [[ -n ${SLURM_JOB_ID:-} ]] && return
    local script=$1
    shift
    if [[ ${1:-} == --help || $# -eq 0 ]]; then
        sed -n '/^# usage/,/^$/s/^# \{0,1\}//p' "$script"
        exit 0
    fi
    exec sbatch "${SCPPDM_SBATCH[@]}" "$script" "$@"
}

# scp_modules: the environment of the job.
scp_modules() {
    local m
    for m in "${SCPPDM_MODULES[@]}"; do
        module load "$m" || { scp_log "module load $m failed"; exit 69; }
    done
    if [[ -n ${SCPPDM_BIN:-} ]]; then PATH=$SCPPDM_BIN:$PATH; fi
    export OMP_NUM_THREADS=${SLURM_CPUS_PER_TASK:-1}
    export OMP_PLACES=${OMP_PLACES:-cores}
}

# scp_command: the launcher and its options, in the array scp_launcher.
scp_command() {
    case ${SCPPDM_LAUNCH:-srun} in
    srun)
        # --wait: when a rank is gone the others may hang in a collective; do not wait for ever.
        scp_launcher=(srun "--mpi=${SCPPDM_MPI:-pmix}" --cpu-bind=cores --wait=120)
        if [[ -n ${SLURM_CPUS_PER_TASK:-} ]]; then
            scp_launcher+=("--cpus-per-task=$SLURM_CPUS_PER_TASK")
        fi
        ;;
    mpirun) scp_launcher=(mpirun -n "${SLURM_NTASKS:-1}" --bind-to none) ;;
    *)
        echo "SCPPDM_LAUNCH is '$SCPPDM_LAUNCH'; it must be srun or mpirun" >&2
        exit 64
        ;;
    esac
}

# scp_job PROGRAM ARGUMENTS: run on all tasks; hand USR1 (time is nearly up) and TERM (preempted) to
# the ranks as USR1, on which they agree, checkpoint and exit 85. Sets and returns the exit code.
scp_job() {
    local pid code
    scp_modules
    scp_command
    scp_log "start ${SLURM_RESTART_COUNT:-0}: ${SLURM_NTASKS:-1} ranks x $OMP_NUM_THREADS threads: $*"
    "${scp_launcher[@]}" "$@" &
    pid=$!
    # shellcheck disable=SC2064 # the process id of now
    trap "scp_log 'stop request: handed to the ranks'; kill -USR1 $pid 2>/dev/null" USR1 TERM
    # A trapped signal ends wait early: go on until the launcher itself is gone.
    while :; do
        wait "$pid"
        code=$?
        kill -0 "$pid" 2>/dev/null || break
    done
    trap - USR1 TERM
    scp_log "exit code $code: $1"
    return "$code"
}

# scp_finish CODE: 85 means "checkpointed, please requeue". The run folder stays the same, so the next
# start goes on from there.
scp_finish() {
    if [[ $1 -eq 85 ]]; then
        # The id of an array's last member is that of the whole array: name the member.
        local job=${SLURM_ARRAY_JOB_ID:+${SLURM_ARRAY_JOB_ID}_$SLURM_ARRAY_TASK_ID}
        job=${job:-$SLURM_JOB_ID}
        scp_log "requeue job $job"
        scontrol requeue "$job" || exit 85
        # Slurm ends this script; do not report success before.
        sleep 60
    fi
    exit "$1"
}

scp_site
