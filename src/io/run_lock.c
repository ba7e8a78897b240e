/* A lock file held by flock. */
#include "io/run_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"

struct scp_run_lock {
    int fd;
    char path[SCP_PATH_MAX];
};

/* Is the file that was locked still the one under the name? Its holder may have removed it between
 * our open and our lock. */
static bool still_there(const scp_run_lock *l)
{
    struct stat mine, named;
    return fstat(l->fd, &mine) == 0 && stat(l->path, &named) == 0 && mine.st_dev == named.st_dev &&
           mine.st_ino == named.st_ino;
}

static scp_status lock_once(scp_run_lock *l, bool *works, bool *held)
{
    *held = false;
    l->fd = open(l->path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (l->fd < 0)
        SCP_FAIL(SCP_EIO, "cannot create the lock file %s: %s", l->path, strerror(errno));
    if (flock(l->fd, LOCK_EX | LOCK_NB) != 0) {
        if (errno == EWOULDBLOCK)
            SCP_FAIL(SCP_ERETRY,
                     "another run holds %s: wait until it has ended, or name another output",
                     l->path);
        *works = false;
        return SCP_OK;
    }
    *held = still_there(l);
    return SCP_OK;
}

scp_status scp_run_lock_take(const char *path, bool *works, scp_run_lock **out)
{
    SCP_ARG(path && works && out, "path and results are required");
    scp_status st = SCP_OK;
    bool held = false;
    SCP_TRY(scp_alloc(1, sizeof **out, out));
    (*out)->fd = -1;
    *works = true;
    SCP_GOTO(failed, scp_str_format((*out)->path, sizeof(*out)->path, "%s", path));
    while (!held && *works) {
        if ((*out)->fd >= 0) close((*out)->fd);
        SCP_GOTO(failed, lock_once(*out, works, &held));
    }
    return SCP_OK;
failed:
    if ((*out)->fd >= 0) close((*out)->fd);
    free(*out);
    *out = NULL;
    return st;
}

void scp_run_lock_release(scp_run_lock **l)
{
    if (!l || !*l) return;
    unlink((*l)->path);
    close((*l)->fd);
    free(*l);
    *l = NULL;
}
