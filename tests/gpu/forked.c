/* See forked.h. A collective goes through one slot per rank, in pieces; sums are in the order of
 * ranks, so that all ranks have the same bits. */
#include "gpu/forked.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "comm/comm_impl.h"

enum { PIECE = 1 << 20 };

typedef struct room {
    pthread_barrier_t barrier;
    char slot[FORKED_MAX][PIECE];
} room;

typedef struct forked {
    scp_comm base;
    room *room;
} forked;

static room *room_of(scp_comm *c)
{
    return ((forked *)c)->room;
}

static scp_status meet(scp_comm *c)
{
    int r = pthread_barrier_wait(&room_of(c)->barrier);
    if (r != 0 && r != PTHREAD_BARRIER_SERIAL_THREAD) SCP_FAIL(SCP_ECOMM, "the ranks cannot meet");
    return SCP_OK;
}

#define COMBINE(type)                                                                              \
    for (size_t i = 0; i < n; i++) {                                                               \
        const type *v = (const type *)from;                                                        \
        type *x = (type *)to;                                                                      \
        x[i] = op == SCP_COMM_SUM   ? (type)(x[i] + v[i])                                          \
               : op == SCP_COMM_MIN ? (x[i] < v[i] ? x[i] : v[i])                                  \
                                    : (x[i] > v[i] ? x[i] : v[i]);                                 \
    }

static void combine(void *to, const void *from, size_t n, scp_comm_type t, scp_comm_op op)
{
    switch (t) {
    case SCP_COMM_F32:
        COMBINE(float)
        break;
    case SCP_COMM_F64:
        COMBINE(double)
        break;
    case SCP_COMM_I32:
        COMBINE(int32_t)
        break;
    case SCP_COMM_I64:
        COMBINE(int64_t)
        break;
    case SCP_COMM_U8:
        COMBINE(uint8_t)
    }
}

static scp_status allreduce(scp_comm *c, void *buf, size_t n, scp_comm_type t, scp_comm_op op)
{
    const size_t size = scp_comm_type_size(t), most = PIECE / size;
    for (size_t at = 0; at < n; at += most) {
        const size_t k = n - at < most ? n - at : most;
        char *part = (char *)buf + at * size;
        memcpy(room_of(c)->slot[c->rank], part, k * size);
        SCP_TRY(meet(c));
        memcpy(part, room_of(c)->slot[0], k * size);
        for (int r = 1; r < c->size; r++) combine(part, room_of(c)->slot[r], k, t, op);
        SCP_TRY(meet(c));
    }
    return SCP_OK;
}

static scp_status bcast(scp_comm *c, void *buf, size_t n, scp_comm_type t, int root)
{
    const size_t bytes = n * scp_comm_type_size(t);
    for (size_t at = 0; at < bytes; at += PIECE) {
        const size_t k = bytes - at < PIECE ? bytes - at : PIECE;
        if (c->rank == root) memcpy(room_of(c)->slot[root], (char *)buf + at, k);
        SCP_TRY(meet(c));
        memcpy((char *)buf + at, room_of(c)->slot[root], k);
        SCP_TRY(meet(c));
    }
    return SCP_OK;
}

static scp_status allgatherv(scp_comm *c, const void *mine, scp_comm_type t, void *out,
                             size_t total, const size_t *counts)
{
    const size_t size = scp_comm_type_size(t);
    size_t at = 0;
    (void)total;
    for (int r = 0; r < c->size; r++) {
        char *slab = (char *)out + at * size;
        if (r == c->rank) memcpy(slab, mine, counts[r] * size);
        SCP_TRY(bcast(c, slab, counts[r], t, r));
        at += counts[r];
    }
    return SCP_OK;
}

static void destroy(scp_comm *c)
{
    free(c);
}

/* Buckets of host memory: all at the end. */
static scp_status start(scp_average *a, size_t i)
{
    (void)a, (void)i;
    return SCP_OK;
}

static scp_status finish(scp_average *a)
{
    const size_t n = a->begin[a->n] - a->begin[0];
    char *first = a->g + a->begin[0] * scp_comm_type_size(a->type);
    SCP_TRY(allreduce(a->comm, first, n, a->type, SCP_COMM_SUM));
    scp_comm_scale(a->comm, first, n, a->type);
    return SCP_OK;
}

static const scp_average_ops average = { .start = start, .finish = finish, .waits = true };

static const scp_comm_ops forked_ops = { .name = "forked",
                                         .allreduce = allreduce,
                                         .bcast = bcast,
                                         .allgatherv = allgatherv,
                                         .barrier = meet,
                                         .average = &average,
                                         .destroy = destroy };

static int child(int rank, int n, room *m, forked_main f, void *shared)
{
    forked *c = NULL;
    scp_status st = scp_alloc(1, sizeof *c, &c);
    if (st == SCP_OK) {
        *c = (forked){
            .base = { .ops = &forked_ops, .rank = rank, .size = n, .timeout = SCP_COMM_TIMEOUT },
            .room = m
        };
        st = f(&c->base, shared);
    }
    if (st != SCP_OK) fprintf(stderr, "rank %d of %d: %s", rank, n, scp_err_chain());
    free(c);
    return st == SCP_OK ? 0 : 1;
}

static scp_status wait_for(pid_t *pid, int n, double seconds)
{
    const double began = scp_clock_seconds();
    int left = n, failed = 0;
    while (left > 0) {
        for (int i = 0; i < n; i++) {
            int code;
            if (pid[i] <= 0 || waitpid(pid[i], &code, WNOHANG) != pid[i]) continue;
            failed += !WIFEXITED(code) || WEXITSTATUS(code) != 0;
            pid[i] = 0;
            left--;
        }
        if (failed || scp_clock_seconds() - began > seconds) break;
        nanosleep(&(struct timespec){ .tv_nsec = 2000000 }, NULL);
    }
    for (int i = 0; i < n; i++)
        if (pid[i] > 0) {
            kill(pid[i], SIGKILL);
            waitpid(pid[i], NULL, 0);
        }
    if (left > 0 || failed) SCP_FAIL(SCP_EINTERNAL, "%d of %d ranks did not succeed", n, n);
    return SCP_OK;
}

static void *map(size_t bytes)
{
    return mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
}

scp_status forked_run(int n, forked_main f, size_t bytes, double seconds, void **shared)
{
    pthread_barrierattr_t attr;
    pid_t pid[FORKED_MAX] = { 0 };
    room *m = map(sizeof *m);
    *shared = map(bytes);
    SCP_ARG(n >= 1 && n <= FORKED_MAX, "%d ranks", n);
    if (m == MAP_FAILED || *shared == MAP_FAILED) SCP_FAIL(SCP_ENOMEM, "no shared memory");
    pthread_barrierattr_init(&attr);
    pthread_barrierattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
    pthread_barrier_init(&m->barrier, &attr, (unsigned)n);
    fflush(NULL);
    for (int i = 0; i < n; i++) {
        pid[i] = fork();
        if (pid[i] == 0) {
            int code = child(i, n, m, f, *shared);
            fflush(NULL);
            _exit(code);
        }
    }
    scp_status st = wait_for(pid, n, seconds);
    munmap(m, sizeof *m);
    return st;
}

void forked_free(void *shared, size_t bytes)
{
    if (shared && shared != MAP_FAILED) munmap(shared, bytes);
}
