/* Faults for the program it is linked into, with --wrap for the calls below.
 *
 * SCP_KILL ends it at a chosen call to the file system (write to a file, fsync, rename, unlink), as
 * kill -9 would: "N:before", "N:after" or "N:half": the N-th of these calls is not made, is the
 * last one made, or (write) is made with half of its bytes. SCP_DISK=BYTES is a disk that is full
 * after so many bytes. SCP_CLOCK_JUMP=SECONDS lets the time of day jump forth and back by that much
 * at every look at it. */
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

ssize_t __real_write(int fd, const void *data, size_t n);
int __real_fsync(int fd);
int __real_rename(const char *from, const char *to);
int __real_unlink(const char *path);
ssize_t __wrap_write(int fd, const void *data, size_t n);
int __wrap_fsync(int fd);
int __wrap_rename(const char *from, const char *to);
int __wrap_unlink(const char *path);
int __real_clock_gettime(clockid_t id, struct timespec *t);
time_t __real_time(time_t *t);
int __wrap_clock_gettime(clockid_t id, struct timespec *t);
time_t __wrap_time(time_t *t);

static atomic_long calls, looks, written;

/* Is this the call, and of this way? */
static bool is_end(long call, const char *way)
{
    char *rest;
    const char *plan = getenv("SCP_KILL");
    return plan && strtol(plan, &rest, 10) == call && *rest == ':' && strcmp(rest + 1, way) == 0;
}

static long begin(void)
{
    long call = atomic_fetch_add(&calls, 1) + 1;
    if (is_end(call, "before")) kill(getpid(), SIGKILL);
    return call;
}

static void end(long call)
{
    if (is_end(call, "after") || is_end(call, "half")) kill(getpid(), SIGKILL);
}

ssize_t __wrap_write(int fd, const void *data, size_t n)
{
    if (fd <= STDERR_FILENO) return __real_write(fd, data, n);
    const char *disk = getenv("SCP_DISK");
    if (disk && atomic_fetch_add(&written, (long)n) + (long)n > strtol(disk, NULL, 10)) {
        errno = ENOSPC;
        return -1;
    }
    long call = begin();
    ssize_t done = __real_write(fd, data, is_end(call, "half") ? n / 2 : n);
    end(call);
    return done;
}

int __wrap_fsync(int fd)
{
    long call = begin();
    int rc = __real_fsync(fd);
    end(call);
    return rc;
}

int __wrap_rename(const char *from, const char *to)
{
    long call = begin();
    int rc = __real_rename(from, to);
    end(call);
    return rc;
}

int __wrap_unlink(const char *path)
{
    long call = begin();
    int rc = __real_unlink(path);
    end(call);
    return rc;
}

static time_t jump(void)
{
    const char *seconds = getenv("SCP_CLOCK_JUMP");
    if (!seconds) return 0;
    return (atomic_fetch_add(&looks, 1) & 1 ? -1 : 1) * strtol(seconds, NULL, 10);
}

int __wrap_clock_gettime(clockid_t id, struct timespec *t)
{
    int rc = __real_clock_gettime(id, t);
    if (rc == 0 && id == CLOCK_REALTIME) t->tv_sec += jump();
    return rc;
}

time_t __wrap_time(time_t *t)
{
    time_t now = __real_time(NULL) + jump();
    if (t) *t = now;
    return now;
}
