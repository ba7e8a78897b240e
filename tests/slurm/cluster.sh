# shellcheck shell=sh
# A Slurm of one node for a test: own folder, own ports, own MUNGE key. Sourced; POSIX sh; root only.
# Sets SLURM_CONF and MUNGE's socket; cluster_stop ends every daemon that cluster_start began.

# cluster_reason: why it cannot run here; empty when it can.
cluster_reason() {
    if [ "$(id -u)" -ne 0 ]; then echo "not root: slurmd cannot be started"; return; fi
    for p in munged slurmctld slurmd sbatch srun scontrol squeue; do
        if ! command -v $p >/dev/null 2>&1; then echo "no $p: apt-get install slurm-wlm munge"; return; fi
    done
}

# cluster_port: below the range that systems hand out, from the process id.
cluster_port() { echo $((20000 + ($$ * 7 + $1) % 12000)); }

# cluster_start DIR CPUS SECONDS: 0 when the node is idle within a minute; the test may take so many seconds. The node
# claims CPUS, whatever the machine has. A requeued job starts after 5 s (the least Slurm takes) instead of 120.
cluster_start() {
    cluster_deadline=$(($(date +%s) + $3))
    cluster_pids=
    # shellcheck disable=SC2046 # a list of names: this may run inside a job of another Slurm
    unset $(env | sed -n 's/^\(\(SLURM\|SBATCH\|PMIX\|OMPI_COMM\)_[A-Za-z0-9_]*\)=.*/\1/p') cluster_none
    host=$(hostname -s)
    mkdir -p "$1/munge" "$1/state" "$1/spool" "$1/pmix"
    chmod 700 "$1/munge"
    dd if=/dev/urandom of="$1/munge/key" bs=128 count=1 2>/dev/null
    chmod 600 "$1/munge/key"
    cat >"$1/slurm.conf" <<END
ClusterName=test
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=$(cluster_port 0)
SlurmdPort=$(cluster_port 1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket=$1/munge/socket,cred_expire=5
CredType=cred/munge
StateSaveLocation=$1/state
SlurmdSpoolDir=$1/spool
SlurmctldPidFile=$1/slurmctld.pid
SlurmdPidFile=$1/slurmd.pid
SlurmctldLogFile=$1/slurmctld.log
SlurmdLogFile=$1/slurmd.log
SlurmctldDebug=info
SlurmdDebug=info
SlurmdParameters=config_overrides
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
MpiDefault=none
ReturnToService=2
SchedulerParameters=sched_interval=1,bf_interval=1
InactiveLimit=0
KillWait=5
MinJobAge=300
NodeName=$host NodeAddr=127.0.0.1 CPUs=$2 State=UNKNOWN
PartitionName=test Nodes=$host Default=YES DefaultTime=10 MaxTime=INFINITE State=UP
END
    echo "PMIxCliTmpDirBase=$1/pmix" >"$1/mpi.conf" # not /tmp: another Slurm's steps have the same names there
    export SLURM_CONF="$1/slurm.conf"
    cluster_test=$$
    munged --foreground --force --key-file="$1/munge/key" --socket="$1/munge/socket" \
        --pid-file="$1/munge/pid" --log-file="$1/munge/log" --seed-file="$1/munge/seed" \
        >"$1/munged.out" 2>&1 &
    cluster_pids=$!
    cluster_wait 30 test -S "$1/munge/socket" || return 1
    slurmctld -D -i -f "$SLURM_CONF" >"$1/slurmctld.out" 2>&1 &
    cluster_pids="$! $cluster_pids"
    cluster_wait 30 scontrol ping || return 1
    slurmd -D -f "$SLURM_CONF" >"$1/slurmd.out" 2>&1 &
    cluster_pids="$! $cluster_pids"
    cluster_guard "$1" &
    cluster_guard=$!
    cluster_wait 60 cluster_idle
}

# cluster_guard DIR: when the test is killed the hard way, its daemons and folder go all the same.
cluster_guard() {
    trap - EXIT
    trap '' HUP INT
    trap 'exit 0' TERM
    while kill -0 "$cluster_test" 2>/dev/null; do sleep 1; done
    cluster_stop
    rm -rf "$1"
}

cluster_idle() { sinfo -h -o %T 2>/dev/null | grep -q '^idle'; }

# cluster_wait SECONDS COMMAND...: until the command succeeds, and never past the deadline of the test.
cluster_wait() {
    left=$(($1 * 5))
    shift
    while ! "$@" >/dev/null 2>&1; do
        left=$((left - 1))
        if [ $left -le 0 ] || [ "$(date +%s)" -gt "$cluster_deadline" ]; then return 1; fi
        sleep 0.2
    done
}

# cluster_stop: jobs first, then the daemons, those that do not listen the hard way.
cluster_stop() {
    if [ -z "${cluster_pids:-}" ]; then return; fi
    if [ -n "${cluster_guard:-}" ]; then kill "$cluster_guard" 2>/dev/null; fi
    scancel --quiet --full --signal=KILL --user=root 2>/dev/null
    scancel --quiet --user=root 2>/dev/null
    # A step that outlives its daemons stays for ever.
    cluster_deadline=$(($(date +%s) + 15))
    cluster_wait 12 cluster_drained
    # shellcheck disable=SC2086 # a list of process ids
    kill $cluster_pids 2>/dev/null
    cluster_deadline=$(($(date +%s) + 10))
    for p in $cluster_pids; do
        cluster_wait 3 cluster_gone "$p" || kill -KILL "$p" 2>/dev/null
        wait "$p" 2>/dev/null
    done
    cluster_pids=
    # What is left all the same: step managers whose environment names this test's slurm.conf.
    for p in /proc/[0-9]*; do
        if tr '\0' '\n' 2>/dev/null <"$p/environ" | grep -qx "SLURM_CONF=$SLURM_CONF" &&
            grep -qx slurmstepd "$p/comm" 2>/dev/null; then
            kill -KILL "${p#/proc/}" 2>/dev/null
        fi
    done
}

cluster_drained() { [ -z "$(squeue --noheader 2>/dev/null)" ]; }
cluster_gone() { ! kill -0 "$1"; }

# What is known of a job.
job_field() { scontrol show job "$1" 2>/dev/null | sed -n "s/.*$2=\\([A-Z0-9:]*\\).*/\\1/p" | head -n 1; }
job_pending() { [ "$(job_field "$1" JobState)" = PENDING ]; }
# An array has ended when all its members have.
job_ended() {
    states=$(scontrol show job "$1" 2>/dev/null | sed -n 's/.*JobState=\([A-Z]*\).*/\1/p')
    [ -n "$states" ] && ! echo "$states" | grep -qvxE 'COMPLETED|FAILED|CANCELLED|TIMEOUT|NODE_FAIL'
}
# job_completed ID [SECONDS]: ended well, all members of it.
job_completed() {
    cluster_wait "${2:-120}" job_ended "$1"
    job_ended "$1" && ! echo "$states" | grep -qvx COMPLETED
}

# One line of a test's result; $count is their number, $logs a folder whose end is shown on failure.
ok() { # ok TEXT COMMAND...
    count=$((count + 1))
    text=$1
    shift
    if "$@"; then echo "ok $count - $text"; return; fi
    echo "not ok $count - $text"
    # The logs of the jobs, once.
    if [ -z "${shown:-}" ]; then tail -n 25 "${logs:?}"/*.log "$logs"/*/*.log 2>/dev/null | sed 's/^/# /'; fi
    shown=yes
}
says() { grep -q -e "$2" "$1" 2>/dev/null; }
