/* Ends the program it is linked into at a chosen call to the file system, as kill -9 would: linked
 * with --wrap for write, fsync, rename and unlink. SCP_KILL is "N:before", "N:after" or "N:half": the
 * N-th of these calls, on files, is not made, is the last one made, or (write) is made with half of
 * its bytes. */
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

ssize_t __real_write(int fd, const void *data, size_t n);
int __real_fsync(int fd);
int __real_rename(const char *from, const char *to);
int __real_unlink(const char *path);
ssize_t __wrap_write(int fd, const void *data, size_t n);
int __wrap_fsync(int fd);
int __wrap_rename(const char *from, const char *to);
int __wrap_unlink(const char *path);

static atomic_long calls;

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
