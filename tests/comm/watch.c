/* The watchdog without MPI: a watch that is on takes another limit, and where MPI_Abort does not come
 * back, the process ends all the same with the code that says to try again. */
#include <mpi.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "comm/watchdog.h"
#include "comm/world.h"
#include "tap.h"

static atomic_int barked;

/* In place of the library's: it hangs. */
int MPI_Abort(MPI_Comm comm, int code)
{
    (void)comm;
    (void)code;
    for (;;) pause();
}

static void bark(const char *message)
{
    (void)message;
    barked = 1;
}

static bool barks_within(double seconds)
{
    double began = scp_clock_seconds();
    while (!barked && scp_clock_seconds() - began < seconds)
        nanosleep(&(struct timespec){ .tv_nsec = 10000000 }, NULL);
    return barked;
}

static pid_t hang(void)
{
    pid_t pid = fork();
    if (pid != 0) return pid;
    if (scp_world_watch(0.3) != SCP_OK) _exit(1);
    scp_watchdog_enter("a test");
    sleep(60);
    _exit(2);
}

int main(void)
{
    int code = 0;
    pid_t pid = hang();
    tap_st(scp_watchdog_start(0.5, bark), "a watch of half a second");
    tap_st(scp_watchdog_start(60, bark), "which becomes one of a minute");
    scp_watchdog_enter("a test");
    tap_ok(!barks_within(1.2), "does not bark after a second");
    tap_st(scp_watchdog_start(0, bark), "one that waits for ever");
    tap_st(scp_watchdog_start(0.5, bark), "half a second again");
    tap_ok(barks_within(5), "barks");
    scp_watchdog_leave();
    scp_watchdog_stop();
    tap_ok(pid > 0 && waitpid(pid, &code, 0) == pid && WIFEXITED(code) && WEXITSTATUS(code) == 75,
           "a hang that MPI_Abort does not end ends with 75 (%d)", WEXITSTATUS(code));
    return tap_done();
}
