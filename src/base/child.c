/* Children, see child.h: posix_spawn, one pipe each, one poll for all. */
#include "config.h" /* _GNU_SOURCE for pipe2 */

#include "base/child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"

extern char **environ;

/* One running child. */
typedef struct child {
    pid_t pid;
    size_t which; /* index of its argv and end */
    bool fresh;   /* the next byte begins a line */
    size_t len;
} child;

typedef struct crew {
    child *kid;         /* [jobs] the first n_running are in use */
    struct pollfd *out; /* [jobs] */
    char **env;
    size_t n_running;
} crew;

/* The environment with MALLOC_PERTURB_; entries are borrowed. */
static scp_status make_environment(char ***out)
{
    static char perturb[] = "MALLOC_PERTURB_=165";
    size_t n = 0;
    while (environ[n]) n++;
    SCP_TRY(scp_alloc(n + 2, sizeof **out, out));
    memcpy(*out, environ, n * sizeof **out);
    (*out)[n] = perturb;
    return SCP_OK;
}

/* No signal is blocked or ignored in the child, whatever this thread has set. */
static int set_signals(posix_spawnattr_t *attr)
{
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    int err = posix_spawnattr_setsigmask(attr, &none);
    if (!err) err = posix_spawnattr_setsigdefault(attr, &all);
    if (!err) err = posix_spawnattr_setflags(attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    return err;
}

static int spawn(char *const *argv, char **env, int out, pid_t *pid)
{
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attr;
    int err = posix_spawn_file_actions_init(&files);
    if (err) return err;
    err = posix_spawnattr_init(&attr);
    if (!err) {
        err = set_signals(&attr);
        if (!err) err = posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
        if (!err) err = posix_spawn_file_actions_adddup2(&files, out, 1);
        if (!err) err = posix_spawn_file_actions_addopen(&files, 2, "/dev/null", O_WRONLY, 0);
        if (!err) err = posix_spawn(pid, argv[0], &files, &attr, argv, env);
        posix_spawnattr_destroy(&attr);
    }
    posix_spawn_file_actions_destroy(&files);
    return err;
}

static scp_status start(crew *c, char *const *argv, size_t which)
{
    int pipes[2];
    pid_t pid = 0;
    if (pipe2(pipes, O_CLOEXEC) != 0)
        SCP_FAIL(SCP_EIO, "cannot start %s: no pipe: %s", argv[0], strerror(errno));
    int err = spawn(argv, c->env, pipes[1], &pid);
    close(pipes[1]);
    if (err) {
        close(pipes[0]);
        SCP_FAIL(SCP_EIO, "cannot start %s: %s", argv[0], strerror(err));
    }
    c->kid[c->n_running] = (child){ .pid = pid, .which = which, .fresh = true };
    c->out[c->n_running++] = (struct pollfd){ .fd = pipes[0], .events = POLLIN };
    return SCP_OK;
}

static void keep_line(child *k, scp_child_end *end, const char *text, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (k->fresh) k->len = 0;
        k->fresh = text[i] == '\n';
        if (k->fresh || k->len + 1 >= sizeof end->last) continue;
        end->last[k->len++] = text[i];
        end->last[k->len] = '\0';
    }
}

static scp_status reap(crew *c, size_t i, scp_child_end *end)
{
    int status = 0;
    pid_t pid = c->kid[i].pid, got;
    close(c->out[i].fd);
    do got = waitpid(pid, &status, 0);
    while (got < 0 && errno == EINTR);
    c->n_running--;
    c->kid[i] = c->kid[c->n_running];
    c->out[i] = c->out[c->n_running];
    if (got != pid) SCP_FAIL(SCP_EIO, "cannot wait for a helper program: %s", strerror(errno));
    if (WIFSIGNALED(status))
        end->signal = WTERMSIG(status);
    else
        end->exit_code = WEXITSTATUS(status);
    return SCP_OK;
}

/* Take what the children say until one of them or more has ended. */
static scp_status attend(crew *c, scp_child_end *end)
{
    char text[4096];
    if (poll(c->out, c->n_running, -1) < 0 && errno != EINTR)
        SCP_FAIL(SCP_EIO, "cannot wait for a helper program: %s", strerror(errno));
    for (size_t i = c->n_running; i-- > 0;) { /* from the end: reap moves the last one here */
        if (!c->out[i].revents) continue;
        child *k = &c->kid[i];
        ssize_t n = read(c->out[i].fd, text, sizeof text);
        if (n > 0) keep_line(k, &end[k->which], text, (size_t)n);
        if (n == 0 || (n < 0 && errno != EINTR)) SCP_TRY(reap(c, i, &end[k->which]));
    }
    return SCP_OK;
}

scp_status scp_children_run(char *const *const *argv, size_t n, int jobs, scp_child_end *end)
{
    SCP_ARG(argv && end && jobs >= 1, "programs, ends and a positive number of jobs are required");
    scp_status st = SCP_OK;
    crew c = { 0 };
    size_t most = (size_t)jobs < n ? (size_t)jobs : n;
    memset(end, 0, n * sizeof *end);
    SCP_GOTO(done, make_environment(&c.env));
    SCP_GOTO(done, scp_alloc(most, sizeof *c.kid, &c.kid));
    SCP_GOTO(done, scp_alloc(most, sizeof *c.out, &c.out));
    for (size_t next = 0; next < n || c.n_running > 0;) {
        while (st == SCP_OK && next < n && c.n_running < most) {
            st = start(&c, argv[next], next);
            next++;
        }
        if (st != SCP_OK) next = n; /* no more are started, but those that run are waited for */
        if (c.n_running > 0) SCP_KEEP(st, attend(&c, end));
    }
done:
    free(c.out);
    free(c.kid);
    free(c.env);
    return st;
}
