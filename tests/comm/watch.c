/* The watchdog without MPI: a watch that is on takes another limit, and where MPI_Abort does not
 * come back, the process ends all the same with the code that says to try again. The seconds that
 * it gives others to speak, and MPI to abort, pass ten times as fast here. */
#include <mpi.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "comm/watchdog.h"
#include "comm/world.h"
#include "tap.h"

static atomic_int barked;
static char said[512]; /* before barked */

/* In place of the library's: it hangs. */
int MPI_Abort(MPI_Comm comm, int code)
{
    (void)comm;
    (void)code;
    for (;;) pause();
}

/* In place of the C library's. */
unsigned int alarm(unsigned int seconds)
{
    const long us = (long)seconds * 100000;
    setitimer(ITIMER_REAL, &(struct itimerval){ .it_value = { us / 1000000, us % 1000000 } }, NULL);
    return 0;
}

int nanosleep(const struct timespec *t, struct timespec *left)
{
    const struct timespec tenth = { t->tv_sec / 10, t->tv_sec % 10 * 100000000 };
    return clock_nanosleep(CLOCK_MONOTONIC, 0, t->tv_sec > 0 ? &tenth : t, left);
}

static void bark(const char *message)
{
    snprintf(said, sizeof said, "%s", message);
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
    if (scp_world_watch(0.1, NULL) != SCP_OK) _exit(1);
    scp_watchdog_enter("a test");
    sleep(60);
    _exit(2);
}

int main(void)
{
    int code = 0;
    pid_t pid = hang();
    tap_st(scp_watchdog_start(0.2, NULL, bark), "a watch of a fifth of a second");
    tap_st(scp_watchdog_start(60, NULL, bark), "which becomes one of a minute");
    scp_watchdog_enter("a test");
    tap_ok(!barks_within(0.8), "does not bark after four fifths");
    tap_st(scp_watchdog_start(0, NULL, bark), "one that waits for ever");
    tap_st(scp_watchdog_start(0.2, "--patience", bark), "a fifth of a second again");
    tap_ok(barks_within(5), "barks");
    tap_ok(strstr(said, "a test has not ended in") && strstr(said, "more time (--patience)"),
           "and names the option: %s", said);
    scp_watchdog_leave();
    scp_watchdog_stop();
    barked = 0;
    tap_st(scp_watchdog_start(0.2, NULL, bark), "a watch that no option sets");
    scp_watchdog_enter("a test");
    tap_ok(barks_within(5) && strstr(said, "start the same command again") &&
               !strstr(said, "more time"),
           "advises none");
    scp_watchdog_leave();
    scp_watchdog_stop();
    const bool ended = pid > 0 && waitpid(pid, &code, 0) == pid && WIFEXITED(code);
    tap_ok(ended && WEXITSTATUS(code) == 75, "a hang that MPI_Abort does not end ends with 75 (%d)",
           WEXITSTATUS(code));
    return tap_done();
}
