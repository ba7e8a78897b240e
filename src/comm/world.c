/* Begin and end of MPI, see world.h. */
#include "comm/world.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "comm/mpi_impl.h"
#include "comm/watchdog.h"

scp_status scp_world_begin(int *argc, char ***argv, scp_comm **world)
{
    int level = MPI_THREAD_SINGLE;
    *world = NULL;
    SCP_MPI(MPI_Init_thread(argc, argv, MPI_THREAD_FUNNELED, &level));
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
