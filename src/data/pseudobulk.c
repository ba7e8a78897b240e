/* The collective part of pseudobulk: batches, reduction to owners, division, writing. */
#include "data/pseudobulk.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/progress.h"
#include "base/team.h"
#include "data/bulk_read.h"
#include "data/normalize.h"

#define PACK_BYTES ((size_t)64 << 20) /* sums that are exchanged at a time */

/* One run on one rank. */
typedef struct run {
    scp_comm *comm;
    const scp_bulk_plan *plan;
    scp_shard_writer *to;
    scp_bulk_result *out;
    scp_sums sums;
    scp_bulk_sink sink;
    uint8_t *slot_train;
    double *pack;     /* [pack_slots, G] sums on their way to their owner     */
    float *x, *reps;  /* [pack_slots, G] rows of this rank, ready to be written */
    size_t pack_slots;
} run;

/* Profiles of a batch. */
typedef struct batch {
    size_t first, end;
} batch;

static size_t slots_of(const scp_bulk_plan *p, size_t first, size_t end)
{
    return (size_t)(p->first_slot[end] - p->first_slot[first]);
}

/* The batch that begins at a profile: whole plates while they fit; a plate that is too large for
 * the memory is cut, a profile that is too large is a batch of its own. */
static batch next_batch(const scp_bulk_plan *p, size_t first)
{
    size_t room = p->memory / scp_sums_slot_bytes(p->G), end = first;
    while (end < p->P) {
        size_t plate_end = end;
        while (plate_end < p->P && p->plate[plate_end] == p->plate[end]) plate_end++;
        if (slots_of(p, first, plate_end) > room) break;
        end = plate_end;
    }
    if (end > first) return (batch){ first, end };
    for (end = first + 1; end < p->P && p->plate[end] == p->plate[first]; end++)
        if (slots_of(p, first, end + 1) > room) break;
    return (batch){ first, end };
}

/* Profiles of a batch that rank r sums, divides and writes. */
static batch owned(const run *r, batch b, int rank)
{
    size_t n = b.end - b.first, size = (size_t)scp_comm_size(r->comm), at = (size_t)rank;
    return (batch){ b.first + n * at / size, b.first + n * (at + 1) / size };
}

/* Slots of rows [range[0], range[1]) of a file that the batch wants; *slot is owned by the caller
 * on ranks other than 0. */
static scp_status share_cells(run *r, size_t file, int64_t range[2], int32_t **slot)
{
    const scp_bulk_plan *p = r->plan;
    bool root = scp_comm_rank(r->comm) == 0;
    range[0] = range[1] = 0;
    for (size_t i = 0; root && i < p->file_cells[file]; i++) {
        int32_t at = p->cell_slot[file][i];
        if (at < r->sink.first || at >= r->sink.end) continue;
        if (range[1] == 0) range[0] = (int64_t)i;
        range[1] = (int64_t)i + 1;
    }
    SCP_TRY(scp_comm_bcast(r->comm, range, 2, SCP_COMM_I64, 0));
    size_t n = (size_t)(range[1] - range[0]);
    if (n == 0) return SCP_OK;
    scp_status st = SCP_OK;
    if (root)
        *slot = p->cell_slot[file] + range[0];
    else
        st = scp_alloc(n, sizeof **slot, slot);
    SCP_TRY(scp_agree(r->comm, st));
    return scp_comm_bcast(r->comm, *slot, n, SCP_COMM_I32, 0);
}

static scp_status add_file(run *r, size_t file)
{
    scp_status st = SCP_OK;
    int64_t range[2];
    int32_t *slot = NULL;
    SCP_GOTO(done, share_cells(r, file, range, &slot));
    if (range[0] == range[1]) goto done;
    const scp_bulk_rows rows = { .path = r->plan->path[file],
                                 .matrix = r->plan->matrix,
                                 .first = (size_t)range[0],
                                 .n = (size_t)(range[1] - range[0]),
                                 .slot = slot,
                                 .rank = scp_comm_rank(r->comm),
                                 .size = scp_comm_size(r->comm) };
    st = scp_bulk_read(&rows, &r->sink, NULL);
    SCP_GOTO(done, scp_agree(r->comm, st));
done:
    if (scp_comm_rank(r->comm) != 0) free(slot);
    return st;
}

/* A part of the packing of rows, for one thread. */
typedef struct packing {
    const run *r;
    size_t first, n; /* slots of the batch */
} packing;

static scp_status pack_rows(void *ctx, int thread)
{
    const packing *p = ctx;
    const run *r = p->r;
    size_t threads = (size_t)r->sink.threads, G = r->plan->G;
    size_t begin = p->n * (size_t)thread / threads, end = p->n * ((size_t)thread + 1) / threads;
    scp_sums_rows(&r->sums, p->first + begin, end - begin, r->plan->place, G, r->pack + begin * G);
    return SCP_OK;
}

static void divide(const double *sum, int64_t cells, size_t G, float *out)
{
    for (size_t g = 0; g < G; g++) out[g] = cells > 0 ? (float)(sum[g] / (double)cells) : 0;
}

/* Mean of one profile into x, and of its sub-bulks, if any, into *rep, which moves on. Consumes the
 * sums. */
static scp_status finish_profile(const run *r, size_t profile, double *sum, float *x, float **rep)
{
    const scp_bulk_plan *p = r->plan;
    size_t G = p->G, n = slots_of(p, profile, profile + 1);
    const int64_t *cells = r->sink.slot_cells + p->first_slot[profile];
    int64_t all = cells[0];
    for (size_t k = 0; n > 1 && k < n; k++, *rep += G) divide(sum + k * G, cells[k], G, *rep);
    for (size_t k = 1; k < n; k++) {
        for (size_t g = 0; g < G; g++) sum[g] += sum[k * G + g];
        all += cells[k];
    }
    for (size_t g = 0; g < G; g++)
        if (!(sum[g] < SCP_SUM_LIMIT))
            SCP_FAIL(SCP_EDATA,
                     "a key of %lld cells sums to %g, beyond %g where sums are exact: split it "
                     "by a finer plate label",
                     (long long)all, sum[g], SCP_SUM_LIMIT);
    divide(sum, all, G, x);
    return SCP_OK;
}

/* Rows of the sub-bulk matrix before a profile. */
static size_t rows_before(const scp_bulk_plan *p, size_t profile)
{
    size_t rows = 0;
    for (size_t i = 0; i < profile; i++) {
        size_t n = slots_of(p, i, i + 1);
        rows += n > 1 ? n : 0;
    }
    return rows;
}

/* Profiles of `all` that fit into the buffers, from its beginning. */
static batch piece_of(const run *r, batch all)
{
    batch piece = { all.first, all.first };
    while (piece.end < all.end && slots_of(r->plan, piece.first, piece.end + 1) <= r->pack_slots)
        piece.end++;
    return piece;
}

/* Bring the sums of a piece of profiles to their owner, which divides them. */
static scp_status reduce_piece(run *r, batch b, batch piece, int owner)
{
    scp_status st = SCP_OK;
    const scp_bulk_plan *p = r->plan;
    packing work = { r, slots_of(p, b.first, piece.first), slots_of(p, piece.first, piece.end) };
    SCP_TRY(scp_agree(r->comm, scp_team_run(r->sink.threads, pack_rows, &work)));
    SCP_TRY(scp_comm_reduce(r->comm, r->pack, work.n * p->G, SCP_COMM_F64, SCP_COMM_SUM, owner));
    float *rep = r->reps;
    if (owner != scp_comm_rank(r->comm)) return SCP_OK;
    for (size_t i = piece.first; st == SCP_OK && i < piece.end; i++)
        st = finish_profile(r, i, r->pack + slots_of(p, piece.first, i) * p->G,
                            r->x + (i - piece.first) * p->G, &rep);
    return st;
}

/* Sum over ranks, divide and write the profiles of a batch, in rounds of one piece per rank. */
static scp_status finish_batch(run *r, batch b)
{
    const scp_bulk_plan *p = r->plan;
    int size = scp_comm_size(r->comm), self = scp_comm_rank(r->comm);
    SCP_TRY(scp_comm_allreduce(r->comm, r->sink.slot_cells + r->sink.first,
                               (size_t)(r->sink.end - r->sink.first), SCP_COMM_I64, SCP_COMM_SUM));
    batch *left = NULL;
    scp_status st = scp_alloc((size_t)size, sizeof *left, &left);
    for (int i = 0; st == SCP_OK && i < size; i++) left[i] = owned(r, b, i);
    SCP_GOTO(done, scp_agree(r->comm, st));
    for (bool more = true; more;) {
        more = false;
        batch mine = { 0, 0 };
        for (int i = 0; i < size; i++) {
            batch piece = piece_of(r, left[i]);
            if (i == self) mine = piece;
            if (piece.end > piece.first) SCP_KEEP(st, reduce_piece(r, b, piece, i));
            left[i].first = piece.end;
            more = more || left[i].first < left[i].end;
        }
        SCP_GOTO(done, scp_agree(r->comm, st));
        size_t row = rows_before(p, mine.first), rows = rows_before(p, mine.end) - row;
        SCP_GOTO(done, scp_shard_put(r->to, SCP_SHARD_PROFILES, mine.first, mine.end - mine.first,
                                     r->x));
        SCP_GOTO(done, scp_shard_put(r->to, SCP_SHARD_REPLICATES, row, rows, r->reps));
    }
done:
    free(left);
    return st;
}

static scp_status do_batch(run *r, batch b)
{
    scp_status st = SCP_OK;
    const scp_bulk_plan *p = r->plan;
    r->sink.first = p->first_slot[b.first];
    r->sink.end = p->first_slot[b.end];
    const scp_sums_order order = { .G = p->G, .hot = p->hot, .place = p->place };
    st = scp_sums_create(&r->sums, &order, slots_of(p, b.first, b.end));
    SCP_GOTO(done, scp_agree(r->comm, st));
    for (size_t f = 0; f < p->n_files; f++) SCP_GOTO(done, add_file(r, f));
    scp_bulk_sink_counts(&r->sink, r->out->detected, &r->out->train_cells, &r->out->empty_cells);
    SCP_GOTO(done, finish_batch(r, b));
done:
    scp_sums_fini(&r->sums);
    return st;
}

/* Cells to be added. */
static int64_t planned_cells(const run *r)
{
    const scp_bulk_plan *p = r->plan;
    int64_t n = 0;
    for (size_t f = 0; f < p->n_files; f++)
        for (size_t i = 0; i < p->file_cells[f]; i++) n += p->cell_slot[f][i] >= 0;
    return n;
}

/* Slots of one piece of an exchange: some tens of MiB, at least the largest profile. */
static size_t pack_slots(const scp_bulk_plan *p)
{
    size_t n = PACK_BYTES / (p->G * sizeof(double)), all = (size_t)p->first_slot[p->P];
    if (n > all) n = all;
    for (size_t i = 0; i < p->P; i++)
        if (slots_of(p, i, i + 1) > n) n = slots_of(p, i, i + 1);
    return n;
}

/* Memory and progress of a run. Not collective. */
static scp_status prepare(run *r)
{
    const scp_bulk_plan *p = r->plan;
    scp_bulk_result *out = r->out;
    size_t slots = (size_t)p->first_slot[p->P];
    SCP_TRY(scp_alloc(slots, sizeof *out->slot_cells, &out->slot_cells));
    SCP_TRY(scp_alloc(p->G, sizeof *out->detected, &out->detected));
    SCP_TRY(scp_alloc(slots, sizeof *r->slot_train, &r->slot_train));
    for (size_t i = 0; i < p->P; i++)
        memset(r->slot_train + p->first_slot[i], p->train[i], slots_of(p, i, i + 1));
    r->pack_slots = pack_slots(p);
    SCP_TRY(scp_alloc(r->pack_slots * p->G, sizeof *r->pack, &r->pack));
    SCP_TRY(scp_alloc(r->pack_slots * p->G, sizeof *r->x, &r->x));
    SCP_TRY(scp_alloc(r->pack_slots * p->G, sizeof *r->reps, &r->reps));
    r->sink = (scp_bulk_sink){ .values = p->values,
                               .threads = p->threads,
                               .sums = &r->sums,
                               .slot_cells = out->slot_cells,
                               .slot_train = r->slot_train };
    SCP_TRY(scp_bulk_sink_open(&r->sink, p->G));
    bool root = scp_comm_rank(r->comm) == 0;
    return scp_progress_create("cells", root ? planned_cells(r) : 0, root, &r->sink.progress.show);
}

scp_status scp_bulk_run(scp_comm *comm, const scp_bulk_plan *plan, scp_shard_writer *to,
                        scp_bulk_result *out)
{
    SCP_ARG(comm && plan && to && out, "communicator, plan, shard and result are required");
    scp_status st = SCP_OK;
    run r = { .comm = comm, .plan = plan, .to = to, .out = out };
    *out = (scp_bulk_result){ 0 };
    SCP_GOTO(done, scp_agree(comm, prepare(&r)));
    for (batch b = { 0, 0 }; b.end < plan->P;) {
        b = next_batch(plan, b.end);
        SCP_GOTO(done, do_batch(&r, b));
    }
    int64_t cells[2] = { out->train_cells, out->empty_cells };
    SCP_GOTO(done, scp_comm_allreduce(comm, cells, 2, SCP_COMM_I64, SCP_COMM_SUM));
    SCP_GOTO(done, scp_comm_allreduce(comm, out->detected, plan->G, SCP_COMM_I64, SCP_COMM_SUM));
    out->train_cells = cells[0];
    out->empty_cells = cells[1];
done:
    scp_progress_destroy(&r.sink.progress.show);
    scp_bulk_sink_fini(&r.sink);
    free(r.pack);
    free(r.x);
    free(r.reps);
    free(r.slot_train);
    if (st != SCP_OK) scp_bulk_result_fini(out);
    return st;
}

void scp_bulk_result_fini(scp_bulk_result *r)
{
    if (!r) return;
    free(r->slot_cells);
    free(r->detected);
    *r = (scp_bulk_result){ 0 };
}
