/* The end of a batch: which genes were seen, sums to their owners, division; rows for the file of a
 * part, or for the shard itself when no other batch follows. */
#include <stdlib.h>
#include <string.h>

#include "base/machine.h"
#include "base/mem.h"
#include "base/team.h"
#include "data/bulk_impl.h"
#include "data/normalize.h"

#define PACK_BYTES ((size_t)16 << 20) /* sums that are exchanged at a time */

size_t scp_bulk_pack_slots(const scp_bulk_plan *p, size_t columns)
{
    size_t n = PACK_BYTES / sizeof(double), all = (size_t)p->first_slot[p->P];
    if (columns > 0) n /= columns;
    if (n > all) n = all;
    for (size_t i = 0; i < p->P; i++) {
        size_t one = scp_bulk_slots(p, (scp_bulk_range){ i, i + 1 });
        if (one > n) n = one;
    }
    return n;
}

size_t scp_bulk_pack_bytes(const scp_bulk_plan *p)
{
    size_t sums = scp_bulk_pack_slots(p, p->G) * p->G * sizeof(double);
    if (sums < PACK_BYTES) sums = PACK_BYTES; /* a list of genes may have more than the files */
    return 2 * sums;                          /* and two arrays of floats */
}

/* Profiles of a batch that a rank sums, divides and writes. */
static scp_bulk_range owned(const scp_bulk_work *w, scp_bulk_range b, int rank)
{
    size_t n = b.end - b.first, size = (size_t)scp_comm_size(w->comm), at = (size_t)rank;
    return (scp_bulk_range){ b.first + n * at / size, b.first + n * (at + 1) / size };
}

/* Genes that a cell of any rank may have: the part's columns, in the order of the files. */
static scp_status choose_genes(scp_bulk_work *w)
{
    const scp_sums *s = &w->sums;
    scp_part *part = &w->part;
    SCP_TRY(scp_comm_allreduce(w->comm, s->touched, s->groups, SCP_COMM_U8, SCP_COMM_MAX));
    int32_t *gene = NULL;
    scp_status st = scp_alloc(w->plan->G, sizeof *gene, &gene);
    SCP_KEEP(st, scp_alloc(w->plan->G, sizeof *w->place, &w->place));
    SCP_GOTO(done, scp_agree(w->comm, st));
    part->K = 0;
    for (size_t g = 0; g < w->plan->G; g++) {
        size_t at = (size_t)w->plan->place[g];
        if (at >= s->order.hot && !s->touched[(at - s->order.hot) / SCP_SUMS_GROUP]) continue;
        w->place[part->K] = (int32_t)at;
        gene[part->K++] = (int32_t)g;
    }
    if (part->K == 0) part->K = 1; /* no cell has anything: keep gene 0, the first place */
    w->K = part->K;
    SCP_GOTO(done, scp_agree(w->comm, scp_part_alloc(part)));
    memcpy(part->gene, gene, part->K * sizeof *gene);
done:
    free(gene);
    return st;
}

/* A piece of the packing of rows, for a team. */
typedef struct packing {
    const scp_bulk_work *w;
    size_t first, n; /* slots of the batch */
} packing;

static scp_status pack_rows(void *ctx, int thread)
{
    const packing *p = ctx;
    const scp_bulk_work *w = p->w;
    size_t threads = (size_t)w->sink.threads, K = w->K;
    size_t begin = p->n * (size_t)thread / threads, end = p->n * ((size_t)thread + 1) / threads;
    scp_sums_rows(&w->sums, p->first + begin, end - begin, w->place, K, w->pack + begin * K);
    return SCP_OK;
}

SCP_ANY_MACHINE
static void divide(const double *sum, int64_t cells, size_t K, float *out)
{
    const double n = (double)cells;
    if (cells == 0) memset(out, 0, K * sizeof *out);
    for (size_t k = 0; cells > 0 && k < K; k++) out[k] = (float)(sum[k] / n);
}

SCP_ANY_MACHINE
static void add_row(const double *from, size_t K, double *to)
{
    for (size_t k = 0; k < K; k++) to[k] += from[k];
}

/* Mean of one profile into x, and of its sub-bulks, if any, into rep. Consumes the sums. */
static void finish_profile(const scp_bulk_work *w, size_t profile, double *sum, float *x,
                           float *rep)
{
    const scp_bulk_plan *p = w->plan;
    size_t K = w->K, n = scp_bulk_slots(p, (scp_bulk_range){ profile, profile + 1 });
    const int64_t *cells = w->slot_cells + p->first_slot[profile];
    int64_t all = cells[0];
    for (size_t i = 0; n > 1 && i < n; i++) divide(sum + i * K, cells[i], K, rep + i * K);
    for (size_t i = 1; i < n; i++) {
        add_row(sum + i * K, K, sum);
        all += cells[i];
    }
    divide(sum, all, K, x);
}

/* A piece of profiles whose sums are complete, for a team. */
typedef struct finishing {
    scp_bulk_work *w;
    scp_bulk_range piece;
} finishing;

static scp_status finish_profiles(void *ctx, int thread)
{
    const finishing *f = ctx;
    const scp_bulk_work *w = f->w;
    const scp_bulk_plan *p = w->plan;
    const size_t threads = (size_t)w->sink.threads, K = w->K;
    for (size_t i = f->piece.first + (size_t)thread; i < f->piece.end; i += threads) {
        const scp_bulk_range before = { f->piece.first, i };
        finish_profile(w, i, w->pack + scp_bulk_slots(p, before) * K,
                       w->x + (i - f->piece.first) * K,
                       w->reps + scp_bulk_sub_bulks(p, before) * K);
    }
    return SCP_OK;
}

/* Sums of the columns of a thread. */
static scp_status add_moments(void *ctx, int thread)
{
    const finishing *f = ctx;
    scp_part *part = &f->w->part;
    const size_t threads = (size_t)f->w->sink.threads, K = part->K, t = (size_t)thread;
    for (size_t i = f->piece.first; i < f->piece.end; i++) {
        if (!f->w->plan->train[i]) continue;
        const float *x = f->w->x + (i - f->piece.first) * K;
        for (size_t k = K * t / threads; k < K * (t + 1) / threads; k++) {
            double v = (double)x[k];
            part->sum[k] += scp_sum_units(v);
            part->square[k] += scp_square_units(v * v);
        }
    }
    return SCP_OK;
}

/* Profiles of `all` that fit into the buffers, from its beginning. */
static scp_bulk_range piece_of(const scp_bulk_work *w, scp_bulk_range all)
{
    scp_bulk_range piece = { all.first, all.first };
    while (piece.end < all.end &&
           scp_bulk_slots(w->plan, (scp_bulk_range){ piece.first, piece.end + 1 }) <= w->pack_slots)
        piece.end++;
    return piece;
}

/* Where rows go: their moments into the part's tables, themselves into a part, a shard or
 * nowhere. */
typedef struct rows_sink {
    bool moments;
    scp_rows_file *part;
    scp_shard_writer *shard;
} rows_sink;

/* Bring the sums of a piece of profiles to their owner, which divides them. */
static scp_status reduce_piece(scp_bulk_work *w, scp_bulk_range b, scp_bulk_range piece, int owner,
                               const rows_sink *to)
{
    packing work = { w, scp_bulk_slots(w->plan, (scp_bulk_range){ b.first, piece.first }),
                     scp_bulk_slots(w->plan, piece) };
    SCP_TRY(scp_agree(w->comm, scp_team_run(w->sink.threads, pack_rows, &work)));
    SCP_TRY(scp_comm_reduce(w->comm, w->pack, work.n * w->K, SCP_COMM_F64, SCP_COMM_SUM, owner));
    if (owner != scp_comm_rank(w->comm)) return SCP_OK;
    finishing f = { w, piece };
    SCP_TRY(scp_team_run(w->sink.threads, finish_profiles, &f));
    if (to->moments) SCP_TRY(scp_team_run(w->sink.threads, add_moments, &f));
    return SCP_OK;
}

static scp_status put_rows(const rows_sink *to, int m, size_t first, size_t n, const float *x)
{
    if (to->part) SCP_TRY(scp_rows_file_put(to->part, m, first, n, x));
    if (to->shard) SCP_TRY(scp_shard_put(to->shard, (scp_shard_matrix)m, first, n, x));
    return SCP_OK;
}

/* Profiles and sub-bulks of a batch to their owners and on to where they go, in rounds of one piece
 * a rank. `left` [ranks] is what each has still to do. */
static scp_status give_rows(scp_bulk_work *w, scp_bulk_range b, scp_bulk_range *left,
                            const rows_sink *to)
{
    scp_status st = SCP_OK;
    const scp_bulk_plan *p = w->plan;
    int size = scp_comm_size(w->comm), self = scp_comm_rank(w->comm);
    for (bool more = true; more;) {
        scp_bulk_range mine = { 0, 0 };
        more = false;
        for (int i = 0; i < size; i++) {
            scp_bulk_range piece = piece_of(w, left[i]);
            if (i == self) mine = piece;
            if (piece.end > piece.first) SCP_KEEP(st, reduce_piece(w, b, piece, i, to));
            left[i].first = piece.end;
            more = more || left[i].first < left[i].end;
        }
        SCP_TRY(scp_agree(w->comm, st));
        size_t rep = 0, reps = scp_bulk_sub_bulks(p, mine), n = mine.end - mine.first;
        if (n > 0) rep = scp_bulk_sub_bulks(p, (scp_bulk_range){ b.first, mine.first });
        SCP_TRY(put_rows(to, SCP_PART_PROFILES, n > 0 ? mine.first - b.first : 0, n, w->x));
        SCP_TRY(put_rows(to, SCP_PART_REPLICATES, rep, reps, w->reps));
    }
    return SCP_OK;
}

/* What is added up over ranks beside the rows. */
static scp_status sum_counts(scp_bulk_work *w)
{
    scp_part *part = &w->part;
    scp_comm *c = w->comm;
    int64_t cells[2] = { part->train_cells, part->empty_cells };
    for (size_t k = 0; k < part->K; k++) part->detected[k] = w->detected[part->gene[k]];
    SCP_TRY(scp_comm_allreduce(c, part->detected, part->K, SCP_COMM_I64, SCP_COMM_SUM));
    SCP_TRY(scp_comm_allreduce(c, cells, 2, SCP_COMM_I64, SCP_COMM_SUM));
    part->train_cells = cells[0];
    part->empty_cells = cells[1];
    SCP_TRY(scp_comm_allreduce(c, part->sum, part->K, SCP_COMM_I64, SCP_COMM_SUM));
    return scp_comm_allreduce(c, part->square, part->K, SCP_COMM_I64, SCP_COMM_SUM);
}

/* Every cell of the plan was read by one rank, and by no other. */
static scp_status check_cells(const scp_bulk_work *w)
{
    int64_t cells = w->part.empty_cells;
    for (size_t i = 0; i < w->part.slots; i++) cells += w->part.slot_cells[i];
    if (cells == w->planned) return SCP_OK;
    SCP_FAIL(SCP_EINTERNAL, "%lld cells were added up, the plan has %lld", (long long)cells,
             (long long)w->planned);
}

/* Sums of all ranks and sub-bulks stay exact: the same verdict on every rank, whatever their
 * number. */
static scp_status check_range(const scp_bulk_work *w, scp_bulk_range b)
{
    int64_t most = (int64_t)w->sums.most; /* below 2^35 */
    SCP_TRY(scp_comm_allreduce(w->comm, &most, 1, SCP_COMM_I64, SCP_COMM_MAX));
    for (size_t i = b.first; i < b.end; i++) {
        int64_t cells = 0;
        for (int32_t s = w->plan->first_slot[i]; s < w->plan->first_slot[i + 1]; s++)
            cells += w->slot_cells[s];
        if (scp_sums_in_range((uint64_t)most, cells)) continue;
        char plates[256] = "";
        if (w->plan->plate_name)
            scp_bulk_plates_text(w->plan, (scp_bulk_range){ i, i + 1 }, plates, sizeof plates);
        SCP_FAIL(SCP_EDATA,
                 "%s: a key of %lld cells, with values up to %g: its sums may go beyond what is "
                 "exact; split it by a finer plate label",
                 plates, (long long)cells, (double)most * SCP_UNIT);
    }
    return SCP_OK;
}

/* Buffers of pieces, for the columns of the part. */
static scp_status alloc_pieces(scp_bulk_work *w)
{
    const size_t n = w->pack_slots * w->K;
    SCP_TRY(scp_alloc(n, sizeof *w->pack, &w->pack));
    SCP_TRY(scp_alloc(n, sizeof *w->x, &w->x));
    return scp_alloc(n, sizeof *w->reps, &w->reps);
}

static void free_pieces(scp_bulk_work *w)
{
    free(w->pack);
    free(w->x);
    free(w->reps);
    w->pack = NULL;
    w->x = w->reps = NULL;
}

/* All rows of a batch, of w->K columns. */
static scp_status make_rows(scp_bulk_work *w, scp_bulk_range b, const rows_sink *to)
{
    scp_bulk_range *left = NULL;
    scp_status st = scp_alloc((size_t)scp_comm_size(w->comm), sizeof *left, &left);
    SCP_KEEP(st, alloc_pieces(w));
    SCP_GOTO(done, scp_agree(w->comm, st));
    for (int i = 0; i < scp_comm_size(w->comm); i++) left[i] = owned(w, b, i);
    SCP_GOTO(done, give_rows(w, b, left, to));
done:
    free_pieces(w);
    free(left);
    return st;
}

/* The tables of the part, but for what comes from its rows. */
static scp_status fill_tables(scp_bulk_work *w, scp_bulk_range b)
{
    scp_part *part = &w->part;
    int64_t *cells = w->slot_cells + w->plan->first_slot[b.first];
    SCP_TRY(choose_genes(w));
    SCP_TRY(scp_comm_allreduce(w->comm, cells, part->slots, SCP_COMM_I64, SCP_COMM_SUM));
    SCP_TRY(scp_agree(w->comm, check_range(w, b)));
    memcpy(part->slot_cells, cells, part->slots * sizeof *cells);
    memcpy(part->digest, w->digest, part->n_files * sizeof *part->digest);
    memcpy(part->has_digest, w->took, part->n_files);
    return SCP_OK;
}

scp_status scp_bulk_finish(scp_bulk_work *w, scp_bulk_range b)
{
    scp_status st = SCP_OK;
    scp_part *part = &w->part;
    rows_sink to = { .moments = true };
    char path[SCP_PATH_MAX];
    SCP_GOTO(done, fill_tables(w, b));
    SCP_GOTO(done, scp_agree(w->comm, scp_bulk_part_path(w->parts, b, path, sizeof path)));
    SCP_GOTO(done, scp_part_create(w->comm, path, part->rows, part->K, w->plan->single_writer,
                                   &to.part));
    SCP_GOTO(done, make_rows(w, b, &to));
    SCP_GOTO(done, sum_counts(w));
    SCP_GOTO(done, check_cells(w));
    SCP_GOTO(done, scp_part_commit(w->comm, &to.part, part));
    SCP_GOTO(done, scp_bulk_parts_add(w->comm, w->parts, b));
done:
    scp_rows_file_abort(&to.part);
    return st;
}

scp_status scp_bulk_finish_only(scp_bulk_work *w, scp_bulk_range b)
{
    SCP_TRY(fill_tables(w, b));
    if (w->plan->moments) SCP_TRY(make_rows(w, b, &(rows_sink){ .moments = true }));
    SCP_TRY(sum_counts(w));
    SCP_TRY(check_cells(w));
    return scp_agree(w->comm, scp_bulk_parts_take(w->parts, &w->part));
}

scp_status scp_bulk_write_only(scp_bulk_work *w, const int32_t *column, size_t n,
                               scp_shard_writer *to)
{
    const scp_sums *s = &w->sums;
    int32_t *place = NULL;
    SCP_TRY(scp_agree(w->comm, scp_alloc(n, sizeof *place, &place)));
    for (size_t i = 0; i < n; i++) {
        const int32_t at = column[i] < 0 ? -1 : w->plan->place[column[i]];
        place[i] = at >= 0 && scp_sums_has(s, (size_t)at) ? at : -1;
    }
    free(w->place);
    w->place = place;
    w->K = n;
    w->pack_slots = scp_bulk_pack_slots(w->plan, n);
    return make_rows(w, (scp_bulk_range){ 0, w->plan->P }, &(rows_sink){ .shard = to });
}
