/* Sharing of the plan, and the passes over finished profiles: moments, choice of columns. */
#include <stdlib.h>

#include "base/mem.h"
#include "data/normalize.h"
#include "data/pseudobulk.h"

#define PASS_BYTES ((size_t)64 << 20) /* a block of rows */

/* Squares are summed on a grid of 2^-24, exact below 2^29: 1.5 * 2^28 leaves no finer bits. */
#define SQUARE_LIMIT 536870912.0
static double square_round(double x)
{
    const double shift = 402653184.0;
    return (x + shift) - shift;
}

scp_status scp_bulk_plan_share(scp_comm *comm, scp_bulk_plan *p)
{
    SCP_ARG(comm && p, "communicator and plan are required");
    scp_status st = SCP_OK;
    bool root = scp_comm_rank(comm) == 0;
    int64_t size[5] = { (int64_t)p->G, (int64_t)p->P, (int64_t)p->R, (int64_t)p->values,
                        (int64_t)p->hot };
    SCP_TRY(scp_comm_bcast(comm, size, 5, SCP_COMM_I64, 0));
    p->G = (size_t)size[0];
    p->P = (size_t)size[1];
    p->R = (size_t)size[2];
    p->values = (scp_values)size[3];
    p->hot = (size_t)size[4];
    if (!root) {
        st = scp_alloc(p->P + 1, sizeof *p->first_slot, &p->first_slot);
        SCP_KEEP(st, scp_alloc(p->P, sizeof *p->plate, &p->plate));
        SCP_KEEP(st, scp_alloc(p->P, sizeof *p->train, &p->train));
        SCP_KEEP(st, scp_alloc(p->G, sizeof *p->place, &p->place));
    }
    SCP_TRY(scp_agree(comm, st));
    SCP_TRY(scp_comm_bcast(comm, p->first_slot, p->P + 1, SCP_COMM_I32, 0));
    SCP_TRY(scp_comm_bcast(comm, p->plate, p->P, SCP_COMM_I32, 0));
    SCP_TRY(scp_comm_bcast(comm, p->place, p->G, SCP_COMM_I32, 0));
    return scp_comm_bcast(comm, p->train, p->P, SCP_COMM_U8, 0);
}

void scp_bulk_plan_fini(scp_bulk_plan *p)
{
    if (!p) return;
    for (size_t f = 0; p->cell_slot && f < p->n_files; f++) free(p->cell_slot[f]);
    free(p->cell_slot);
    free(p->file_cells);
    free(p->first_slot);
    free(p->plate);
    free(p->train);
    free(p->place);
    *p = (scp_bulk_plan){ 0 };
}

/* A walk over this rank's share of rows in blocks; every rank takes the same number of steps. */
typedef struct walk {
    size_t at, end, block, steps;
} walk;

static walk walk_begin(scp_comm *comm, size_t rows, size_t G)
{
    walk w = { 0 };
    size_t size = (size_t)scp_comm_size(comm), most = (rows + size - 1) / size;
    scp_comm_share(comm, rows, &w.at, &w.end);
    w.block = PASS_BYTES / (G * sizeof(float));
    if (w.block == 0) w.block = 1;
    if (w.block > most) w.block = most > 0 ? most : 1;
    w.steps = (most + w.block - 1) / w.block;
    return w;
}

static size_t walk_rows(const walk *w)
{
    return w->end - w->at < w->block ? w->end - w->at : w->block;
}

static void add_moments(const scp_bulk_plan *p, const float *x, size_t first, size_t n, double *sum,
                        double *square)
{
    for (size_t i = 0; i < n; i++) {
        if (!p->train[first + i]) continue;
        for (size_t g = 0; g < p->G; g++) {
            double v = (double)x[i * p->G + g];
            sum[g] += scp_sum_round(v);
            square[g] += square_round(v * v);
        }
    }
}

scp_status scp_bulk_moments(scp_comm *comm, const scp_bulk_plan *p, scp_shard_writer *from,
                            double *sum, double *square)
{
    SCP_ARG(comm && p && from && sum && square, "profiles and results are required");
    scp_status st = SCP_OK;
    float *x = NULL;
    walk w = walk_begin(comm, p->P, p->G);
    SCP_GOTO(done, scp_agree(comm, scp_alloc(w.block * p->G, sizeof *x, &x)));
    for (size_t g = 0; g < p->G; g++) sum[g] = square[g] = 0;
    for (size_t k = 0; k < w.steps; k++) {
        size_t n = walk_rows(&w);
        SCP_GOTO(done, scp_shard_get(from, SCP_SHARD_PROFILES, w.at, n, x));
        add_moments(p, x, w.at, n, sum, square);
        w.at += n;
    }
    SCP_GOTO(done, scp_comm_allreduce(comm, sum, p->G, SCP_COMM_F64, SCP_COMM_SUM));
    SCP_GOTO(done, scp_comm_allreduce(comm, square, p->G, SCP_COMM_F64, SCP_COMM_SUM));
    for (size_t g = 0; g < p->G; g++)
        if (!(sum[g] < SCP_SUM_LIMIT) || !(square[g] < SQUARE_LIMIT))
            SCP_FAIL_GOTO(done, SCP_EDATA,
                          "the %zu profiles of a gene sum to %g, squares to %g: beyond "
                          "what is summed exactly",
                          p->P, sum[g], square[g]);
done:
    free(x);
    return st;
}

scp_status scp_bulk_select(scp_comm *comm, const scp_bulk_plan *p, scp_shard_matrix m,
                           scp_shard_writer *from, const int32_t *column, size_t n,
                           scp_shard_writer *to)
{
    SCP_ARG(comm && p && from && to && column, "profiles and columns are required");
    scp_status st = SCP_OK;
    float *x = NULL, *y = NULL;
    walk w = walk_begin(comm, m == SCP_SHARD_PROFILES ? p->P : p->R, p->G);
    st = scp_alloc(w.block * p->G, sizeof *x, &x);
    SCP_KEEP(st, scp_alloc(w.block * n, sizeof *y, &y));
    SCP_GOTO(done, scp_agree(comm, st));
    for (size_t k = 0; k < w.steps; k++) {
        size_t rows = walk_rows(&w);
        SCP_GOTO(done, scp_shard_get(from, m, w.at, rows, x));
        for (size_t i = 0; i < rows; i++)
            for (size_t g = 0; g < n; g++) y[i * n + g] = x[i * p->G + (size_t)column[g]];
        SCP_GOTO(done, scp_shard_put(to, m, w.at, rows, y));
        w.at += rows;
    }
done:
    free(y);
    free(x);
    return st;
}
