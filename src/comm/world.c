/* Begin and end of MPI, see world.h. */
#include "comm/world.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "comm/mpi_impl.h"
#include "comm/watchdog.h"

/* ---- a process that nobody launched ---- */

/* What a launcher leaves in the environment: Open MPI's and PMIx (srun too), PMI of others. */
static const char *const launched_by[] = { "PMIX_RANK",  "PMIX_NAMESPACE", "OMPI_COMM_WORLD_SIZE",
                                           "PMI_RANK",   "PMI_FD",         "PMI_SIZE",
                                           "MPI_LOCALRANKID" };

/* Open MPI starts a daemon for a process of its own, should others join it, and looks for networks:
 * 0.3 s that are for nothing in a job of one. Other MPIs do not read these. */
static const char *const alone[][2] = { { "OMPI_MCA_ess_singleton_isolated", "1" },
                                        { "OMPI_MCA_pml", "ob1" } };
enum { ALONE = sizeof alone / sizeof alone[0] };

/* set[i]: alone[i] was put into the environment; what the user has there stays. */
static void expect_nobody(bool set[ALONE])
{
    bool launched = false;
    for (size_t i = 0; i < sizeof launched_by / sizeof launched_by[0]; i++)
        launched |= getenv(launched_by[i]) != NULL;
    for (size_t i = 0; i < ALONE; i++)
        set[i] = !launched && !getenv(alone[i][0]) && setenv(alone[i][0], alone[i][1], 0) == 0;
}

scp_status scp_world_begin(int *argc, char ***argv, scp_comm **world)
{
    int level = MPI_THREAD_SINGLE;
    bool set[ALONE];
    *world = NULL;
    expect_nobody(set);
    const int code = MPI_Init_thread(argc, argv, MPI_THREAD_FUNNELED, &level);
    for (size_t i = 0; i < ALONE; i++)
        if (set[i]) unsetenv(alone[i][0]); /* not for the processes that this one starts */
    SCP_MPI(code);
    if (level < MPI_THREAD_FUNNELED)
        SCP_FAIL(SCP_ECOMM, "this MPI has no thread support; a build with MPI_THREAD_FUNNELED is "
                            "required");
    SCP_MPI(MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN));
    SCP_MPI(MPI_Comm_set_errhandler(MPI_COMM_SELF, MPI_ERRORS_RETURN));
    SCP_TRY(scp_comm_create_mpi(MPI_COMM_WORLD, world));
    SCP_MPI(MPI_Comm_dup(MPI_COMM_WORLD, &scp_comm_mpi_state_of(*world)->end));
    scp_log_set_rank(scp_comm_rank(*world), scp_comm_size(*world));
    return SCP_OK;
}

scp_status scp_world_meet(scp_comm *world, double seconds, bool *all_here)
{
    MPI_Comm end = scp_comm_mpi_state_of(world)->end;
    MPI_Request request;
    int here = 0;
    *all_here = false;
    SCP_MPI(MPI_Ibarrier(end, &request));
    if (seconds < 0) scp_watchdog_enter("the end of the job");
    for (double began = scp_clock_seconds();;) {
        SCP_MPI(MPI_Test(&request, &here, MPI_STATUS_IGNORE));
        if (here || (seconds >= 0 && scp_clock_seconds() - began > seconds)) break;
        nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
    }
    if (seconds < 0) scp_watchdog_leave();
    *all_here = here != 0;
    return SCP_OK;
}

scp_status scp_world_end(scp_comm **world)
{
    scp_watchdog_stop();
    scp_comm_destroy(world);
    SCP_MPI(MPI_Finalize());
    return SCP_OK;
}

void scp_world_leave(int exit_code)
{
    fflush(NULL);
    _exit(exit_code);
}

void scp_world_abort(int exit_code)
{
    MPI_Abort(MPI_COMM_WORLD, exit_code);
    _exit(exit_code); /* where MPI is not up there is nothing else to end */
}

static void end_this_process(int signo)
{
    (void)signo;
    _exit(scp_status_exit_code(SCP_ERETRY));
}

/* By the thread of the watchdog. Other ranks wait as long as this one: they get the time to say so
 * before MPI ends them. MPI is not to be trusted now: an alarm stands behind MPI_Abort, and a
 * launcher ends the job of a process that ends like this. */
static void end_hanging_job(const char *message)
{
    enum { SECONDS_TO_SPEAK = 2, SECONDS_TO_ABORT = 5 };
    sigset_t set;
    scp_log_all(SCP_LOG_ERROR, "%s", message);
    nanosleep(&(struct timespec){ .tv_sec = SECONDS_TO_SPEAK }, NULL);
    signal(SIGALRM, end_this_process);
    sigemptyset(&set);
    sigaddset(&set, SIGALRM);
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
    alarm(SECONDS_TO_ABORT);
    scp_world_abort(scp_status_exit_code(SCP_ERETRY));
}

scp_status scp_world_watch(double seconds, const char *option)
{
    return scp_watchdog_start(seconds, option, end_hanging_job);
}

void scp_world_library(char *buf, size_t size)
{
    char text[MPI_MAX_LIBRARY_VERSION_STRING] = "unknown MPI";
    int len = 0;
    MPI_Get_library_version(text, &len);
    text[strcspn(text, ",\n")] = '\0';
    snprintf(buf, size, "%s", text);
}
