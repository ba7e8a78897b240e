/* Communicators on 1, 2 and 4 ranks: every operation against its closed form, also with a small
 * limit on MPI counts so that buffers are cut, and agreement on errors. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "comm/comm.h"
#include "comm/mpi_handle.h"
#include "comm/world.h"
#include "tap_ranks.h"

static scp_comm *world;
static int rank, size;

/* Elements of an array of any type as numbers. */
static double get(const void *x, size_t i, scp_comm_type t)
{
    switch (t) {
    case SCP_COMM_F32:
        return ((const float *)x)[i];
    case SCP_COMM_F64:
        return ((const double *)x)[i];
    case SCP_COMM_I32:
        return ((const int32_t *)x)[i];
    case SCP_COMM_I64:
        return (double)((const int64_t *)x)[i];
    case SCP_COMM_U8:
        break;
    }
    return ((const uint8_t *)x)[i];
}

static void put(void *x, size_t i, scp_comm_type t, double v)
{
    switch (t) {
    case SCP_COMM_F32:
        ((float *)x)[i] = (float)v;
        break;
    case SCP_COMM_F64:
        ((double *)x)[i] = v;
        break;
    case SCP_COMM_I32:
        ((int32_t *)x)[i] = (int32_t)v;
        break;
    case SCP_COMM_I64:
        ((int64_t *)x)[i] = (int64_t)v;
        break;
    case SCP_COMM_U8:
        ((uint8_t *)x)[i] = (uint8_t)v;
    }
}

enum { N = 1001 };
static const scp_comm_type types[] = { SCP_COMM_F32, SCP_COMM_F64, SCP_COMM_I32, SCP_COMM_I64,
                                       SCP_COMM_U8 };
static const char *const type_names[] = { "f32", "f64", "i32", "i64", "u8" };

/* Element i of rank r is (i % 7 + 1) * (r + 1): sums, minima and maxima are known and exact. */
static void reductions(scp_comm_type t, const char *name, const char *how)
{
    static const char *const ops[] = { "sum", "min", "max" };
    double factor[] = { size * (size + 1) / 2.0, 1, size };
    double x[N];
    char what[128];
    for (int op = 0; op < 3; op++)
        for (int to_root = 0; to_root < 2; to_root++) {
            int root = size - 1;
            for (size_t i = 0; i < N; i++) put(x, i, t, (double)(i % 7 + 1) * (rank + 1));
            scp_status st = to_root ? scp_comm_reduce(world, x, N, t, (scp_comm_op)op, root)
                                    : scp_comm_allreduce(world, x, N, t, (scp_comm_op)op);
            bool good = st == SCP_OK;
            if (!to_root || rank == root)
                for (size_t i = 0; i < N; i++)
                    good &= get(x, i, t) == (double)(i % 7 + 1) * factor[op];
            snprintf(what, sizeof what, "%s %s of %s%s", to_root ? "reduce" : "allreduce", ops[op],
                     name, how);
            tap_ok_ranks(world, good, what);
        }
}

static void moves(scp_comm_type t, const char *name, const char *how)
{
    double x[N];
    char what[128];
    int root = size / 2;
    for (size_t i = 0; i < N; i++) put(x, i, t, rank == root ? (double)(i % 100) : 0);
    bool good = scp_comm_bcast(world, x, N, t, root) == SCP_OK;
    for (size_t i = 0; i < N; i++) good &= get(x, i, t) == (double)(i % 100);
    snprintf(what, sizeof what, "bcast of %s%s", name, how);
    tap_ok_ranks(world, good, what);

    /* rank r gives 10 r elements, rank 0 none: r, r, r ... */
    void *all = NULL;
    size_t mine = 10 * (size_t)rank, total = 0, counts[16], at = 0;
    for (size_t i = 0; i < mine; i++) put(x, i, t, rank);
    good = scp_comm_allgatherv(world, x, mine, t, &all, &total, counts) == SCP_OK;
    good &= total == 10 * (size_t)(size * (size - 1) / 2);
    for (int r = 0; good && r < size; r++) {
        good &= counts[r] == 10 * (size_t)r;
        for (size_t i = 0; i < counts[r]; i++) good &= get(all, at++, t) == r;
    }
    free(all);
    snprintf(what, sizeof what, "allgatherv of %s%s", name, how);
    tap_ok_ranks(world, good, what);
}

static void averages(scp_comm_type t, const char *name)
{
    static const size_t buckets[] = { 1, 100, 1001, 5000 };
    double x[N];
    char what[128];
    for (size_t b = 0; b < 4; b++) {
        for (size_t i = 0; i < N; i++) put(x, i, t, (double)i * (rank + 1));
        bool good = scp_comm_average(world, x, N, t, buckets[b]) == SCP_OK;
        for (size_t i = 0; i < N; i++) good &= get(x, i, t) == (double)i * (size + 1) / 2.0;
        snprintf(what, sizeof what, "average of %s in buckets of %zu", name, buckets[b]);
        tap_ok_ranks(world, good, what);
    }
}

static void byte_strings(void)
{
    static const char text[] = "a plan made by one rank";
    int root = size - 1;
    void *buf = rank == root ? (void *)(uintptr_t)text : NULL;
    size_t n = rank == root ? sizeof text : 0;
    bool good = scp_comm_bcast_bytes(world, &buf, &n, root) == SCP_OK;
    tap_ok_ranks(world, good && n == sizeof text && memcmp(buf, text, n) == 0, "bcast_bytes");
    if (rank != root) free(buf);
    buf = NULL;
    n = 0;
    good = scp_comm_bcast_bytes(world, &buf, &n, root) == SCP_OK;
    tap_ok_ranks(world, good && n == 0, "bcast_bytes of nothing");
    free(buf);
}

static void agreement(void)
{
    tap_ok_ranks(world, scp_agree(world, SCP_OK) == SCP_OK, "agree on success");
    int bad = size - 1; /* the last rank fails alone */
    scp_status st = SCP_OK;
    char want[64];
    if (rank == bad)
        st = scp_err_raise(SCP_EDATA, __FILE__, __LINE__, NULL, "plate%d.h5ad: row 12 is negative",
                           rank);
    st = scp_agree(world, st);
    snprintf(want, sizeof want, "plate%d.h5ad: row 12 is negative", bad);
    bool named = strstr(scp_err_message(), want) != NULL;
    if (rank != bad) {
        snprintf(want, sizeof want, "rank %d on ", bad);
        named &= strstr(scp_err_message(), want) != NULL;
    }
    tap_ok_ranks(world, st == (rank == bad ? SCP_EDATA : SCP_EPEER),
                 "one failing rank fails all: its own, or SCP_EPEER");
    tap_ok_ranks(world, named, "and all have the failing rank's message");
    /* all but rank 0 fail: the others' message is that of the lowest, their own is their own */
    scp_err_clear();
    st = rank == 0 ? SCP_OK
                   : scp_err_raise(SCP_EIO, __FILE__, __LINE__, NULL, "disk of rank %d", rank);
    st = scp_agree(world, st);
    if (size == 1)
        tap_ok_ranks(world, st == SCP_OK, "alone, success is success");
    else
        tap_ok_ranks(world,
                     rank == 0
                         ? st == SCP_EPEER && strstr(scp_err_message(), "disk of rank 1") != NULL
                         : st == SCP_EIO && strstr(scp_err_message(), "disk of rank") != NULL,
                     "the lowest failing rank speaks");
    scp_err_clear();
    tap_ok_ranks(world, scp_agree(world, SCP_OK) == SCP_OK, "and the communicator still works");
}

static void shares(void)
{
    static const size_t sizes[] = { 0, 1, 3, 4, 7, 1000003 };
    for (size_t k = 0; k < 6; k++) {
        size_t begin, end, n = sizes[k];
        char what[64];
        scp_comm_share(world, n, &begin, &end);
        int64_t sum[2] = { (int64_t)(end - begin), rank == size - 1 ? (int64_t)end : 0 };
        int64_t most = (int64_t)(end - begin), least = most;
        bool good = scp_comm_allreduce(world, sum, 2, SCP_COMM_I64, SCP_COMM_SUM) == SCP_OK &&
                    scp_comm_allreduce(world, &most, 1, SCP_COMM_I64, SCP_COMM_MAX) == SCP_OK &&
                    scp_comm_allreduce(world, &least, 1, SCP_COMM_I64, SCP_COMM_MIN) == SCP_OK;
        snprintf(what, sizeof what, "shares of %zu cover it evenly", n);
        tap_ok_ranks(
            world, good && sum[0] == (int64_t)n && sum[1] == (int64_t)n && most - least <= 1, what);
    }
}

/* A chain: every rank gets what its left neighbour sent, two messages in their order. */
static void chains(const char *how)
{
    enum { LONG = 1000 };
    uint8_t first[LONG], second[3] = { 1, 2, (uint8_t)rank }, got[LONG + 3] = { 0 };
    bool good = true;
    char what[64];
    for (size_t i = 0; i < LONG; i++) first[i] = (uint8_t)(i * 7 + (size_t)rank);
    if (rank > 0)
        good = scp_comm_recv(world, got, LONG, rank - 1) == SCP_OK &&
               scp_comm_recv(world, got + LONG, 3, rank - 1) == SCP_OK;
    if (rank + 1 < size)
        good = good && scp_comm_send(world, first, LONG, rank + 1) == SCP_OK &&
               scp_comm_send(world, second, 3, rank + 1) == SCP_OK;
    for (size_t i = 0; rank > 0 && i < LONG; i++)
        good &= got[i] == (uint8_t)(i * 7 + (size_t)rank - 1);
    snprintf(what, sizeof what, "a chain of messages%s", how);
    tap_ok_ranks(world, good && (rank == 0 || got[LONG + 2] == rank - 1), what);
    tap_ok_ranks(world,
                 scp_comm_send(world, first, 1, rank) == SCP_EINTERNAL &&
                     scp_comm_recv(world, got, 1, size) == SCP_EINTERNAL,
                 "no message to oneself or to a rank that is not there");
    scp_err_clear();
}

static void groups(void)
{
    scp_comm *part = NULL;
    int64_t sum = rank, want = 0, n = 0;
    for (int r = rank % 2; r < size; r += 2, n++) want += r;
    bool good = scp_comm_split(world, rank % 2, &part) == SCP_OK;
    good = good && scp_comm_size(part) == n && scp_comm_rank(part) == rank / 2 &&
           scp_comm_allreduce(part, &sum, 1, SCP_COMM_I64, SCP_COMM_SUM) == SCP_OK && sum == want;
    scp_comm_destroy(&part);
    tap_ok_ranks(world, good, "even and odd ranks as groups");
}

static void mistakes(void)
{
    double x = 0;
    tap_ok_ranks(world, scp_comm_bcast(world, &x, 1, SCP_COMM_F64, size) == SCP_EINTERNAL,
                 "a root that is no rank");
    tap_ok_ranks(world, scp_comm_average(world, &x, 1, SCP_COMM_I32, 1) == SCP_EINTERNAL,
                 "average of integers");
    tap_ok_ranks(world, scp_comm_average(world, &x, 1, SCP_COMM_F64, 0) == SCP_EINTERNAL,
                 "a bucket of nothing");
    tap_ok_ranks(world, scp_comm_allreduce(world, NULL, 0, SCP_COMM_F64, SCP_COMM_SUM) == SCP_OK,
                 "nothing to reduce");
    scp_err_clear();
    int code =
        MPI_Send(&x, 1, MPI_DOUBLE, size, 0, scp_comm_mpi(world)); /* to a rank that is not there */
    scp_status st = code == MPI_SUCCESS ? SCP_OK : scp_mpi_raise(code, "f.c", 1, "MPI_Send");
    tap_ok_ranks(world, st == SCP_ECOMM && strstr(scp_err_message(), "MPI_ERR_RANK"),
                 "MPI's own message is kept");
    scp_err_clear();
}

static void alone(void)
{
    scp_comm *self;
    void *all = NULL;
    size_t total = 0, counts[1];
    double x[2] = { 3, 4 };
    bool good = scp_comm_create_self(&self) == SCP_OK && scp_comm_size(self) == 1 &&
                scp_comm_rank(self) == 0;
    good = good && scp_comm_allreduce(self, x, 2, SCP_COMM_F64, SCP_COMM_SUM) == SCP_OK &&
           scp_comm_average(self, x, 2, SCP_COMM_F64, 1) == SCP_OK && x[0] == 3 && x[1] == 4;
    good = good && scp_comm_allgatherv(self, x, 2, SCP_COMM_F64, &all, &total, counts) == SCP_OK &&
           total == 2 && counts[0] == 2 && memcmp(all, x, sizeof x) == 0;
    free(all);
    good = good && !strcmp(scp_comm_name(self), "self") && scp_comm_mpi(self) == MPI_COMM_SELF;
    scp_comm_destroy(&self);
    tap_ok_ranks(world, good && !self, "the communicator of one process");
}

static void operations(const char *how)
{
    for (size_t t = 0; t < sizeof types / sizeof types[0]; t++) {
        reductions(types[t], type_names[t], how);
        moves(types[t], type_names[t], how);
    }
}

int main(int argc, char **argv)
{
    bool all_here = false;
    if (scp_world_begin(&argc, &argv, &world) != SCP_OK) return 1;
    rank = scp_comm_rank(world);
    size = scp_comm_size(world);
    tap_set_silent(rank != 0);
    tap_ok(strcmp(scp_comm_name(world), "mpi") == 0, "the world is MPI");
    operations("");
    scp_comm_mpi_set_max_count(world, 64);
    operations(", cut into calls of 64");
    averages(SCP_COMM_F32, "f32");
    averages(SCP_COMM_F64, "f64");
    byte_strings();
    chains(", cut into calls of 64");
    scp_comm_mpi_set_max_count(world, 0);
    averages(SCP_COMM_F32, "f32, whole");
    agreement();
    shares();
    chains("");
    groups();
    mistakes();
    alone();
    tap_ok_ranks(world, scp_comm_barrier(world) == SCP_OK, "barrier");
    int failed = tap_done();
    if (scp_world_meet(world, -1, &all_here) != SCP_OK || !all_here) return 1;
    if (scp_world_end(&world) != SCP_OK) return 1;
    return failed;
}
