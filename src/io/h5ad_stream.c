/* Streams of rows: options, threads, blocks, cuts; the order of reading is each kind's own file. */
#include "io/h5ad_stream.h"

#include "base/mem.h"
#include "io/h5ad_stream_impl.h"

bool scp_stream_wanted(const scp_stream *s, size_t i)
{
    const scp_h5ad_stream_options *o = s->o;
    return !o->slot || (o->slot[i] >= o->slot_begin && o->slot[i] < o->slot_end);
}

bool scp_stream_any(const scp_stream *s, size_t begin, size_t end)
{
    for (size_t i = begin; i < end; i++)
        if (scp_stream_wanted(s, i)) return true;
    return false;
}

typedef struct sharing {
    scp_stream *s;
    size_t n;
    scp_stream_piece_fn one;
    void *ctx;
} sharing;

static scp_status take_pieces(void *ctx, int thread)
{
    sharing *w = ctx;
    size_t piece;
    while (!atomic_load(&w->s->failed) && (piece = atomic_fetch_add(&w->s->next, 1)) < w->n) {
        scp_status st = w->one(w->ctx, thread, piece);
        if (st == SCP_OK) continue;
        atomic_store(&w->s->failed, true);
        return scp_err_frame(st, __FILE__, __LINE__, "take_pieces");
    }
    return SCP_OK;
}

scp_status scp_stream_share(scp_stream *s, size_t n, scp_stream_piece_fn one, void *ctx)
{
    sharing w = { .s = s, .n = n, .one = one, .ctx = ctx };
    atomic_store(&s->next, 0);
    int threads = (size_t)s->o->threads < n ? s->o->threads : (int)n;
    if (n > 0) SCP_TRY(scp_team_run(threads, take_pieces, &w));
    return SCP_OK;
}

scp_status scp_stream_give(scp_stream *s, int thread, size_t n, int32_t *column, float *value)
{
    scp_stream_thread *t = &s->thread[thread];
    scp_h5ad_rows rows = { .n_rows = n, .indptr = t->start, .column = column, .value = value };
    int64_t base = t->start[0];
    for (size_t i = 0; i <= n; i++) t->start[i] -= base;
    SCP_TRY(s->fn(s->ctx, thread, t->row, &rows));
    return SCP_OK;
}

scp_status scp_stream_damage(scp_status st, size_t begin, size_t end)
{
    scp_err_copy err;
    if (st != SCP_EDATA) return st;
    scp_err_save(&err);
    return scp_err_raise(st, __FILE__, __LINE__, NULL,
                         "%s (rows %zu to %zu); fetch or write the file again", err.message, begin,
                         end > begin ? end - 1 : begin);
}

/* ---- the stream ---- */

static scp_status open_stream(scp_stream *s, scp_h5ad *f, const scp_h5ad_stream_options *o)
{
    pthread_mutex_init(&s->lock, NULL);
    s->o = o;
    SCP_TRY(scp_h5ad_matrix(f, &s->m));
    SCP_ARG(o->first <= s->m->n_rows && o->n <= s->m->n_rows - o->first, "rows [%zu, %zu) of %zu",
            o->first, o->first + o->n, s->m->n_rows);
    SCP_ARG(o->threads >= 1 && o->threads <= SCP_TEAM_MAX, "%d threads", o->threads);
    if (s->m->kind == SCP_H5AD_DENSE)
        SCP_TRY(scp_h5_chunks_open(s->m->data, false, &s->lock, &s->dense));
    else
        SCP_TRY(scp_entries_open(s->m, &s->lock, &s->entries));
    return SCP_OK;
}

static void close_stream(scp_stream *s)
{
    for (int t = 0; s->thread && t < s->o->threads; t++) {
        scp_entry_buffer_fini(&s->thread[t].entries);
        free(s->thread[t].dense);
    }
    free(s->thread);
    pthread_mutex_destroy(&s->lock);
}

scp_status scp_h5ad_stream(scp_h5ad *f, const scp_h5ad_stream_options *o, scp_h5ad_block_fn fn,
                           void *ctx, uint64_t *digest)
{
    SCP_ARG(f && o && fn, "reader, options and a function are required");
    static scp_status (*const run[])(scp_stream *) = { [SCP_H5AD_CSR] = scp_stream_csr,
                                                       [SCP_H5AD_CSC] = scp_stream_csc,
                                                       [SCP_H5AD_DENSE] = scp_stream_dense };
    scp_status st = SCP_OK;
    scp_stream s = { .fn = fn, .ctx = ctx, .hash = digest != NULL };
    uint64_t sum = 0;
    SCP_GOTO(done, open_stream(&s, f, o));
    SCP_GOTO(done, scp_alloc((size_t)o->threads, sizeof *s.thread, &s.thread));
    for (int t = 0; t < o->threads; t++) s.thread[t].entries.hash = s.hash;
    if (o->n > 0) SCP_GOTO(done, run[s.m->kind](&s));
    for (int t = 0; t < o->threads; t++) sum += s.thread[t].entries.digest;
    if (digest) *digest = sum;
done:
    close_stream(&s);
    return st;
}

size_t scp_h5ad_stream_memory(scp_h5ad *f, const scp_h5ad_stream_options *o)
{
    static size_t (*const bytes[])(const scp_stream *) = { [SCP_H5AD_CSR] = scp_stream_csr_bytes,
                                                           [SCP_H5AD_CSC] = scp_stream_csc_bytes,
                                                           [SCP_H5AD_DENSE] =
                                                               scp_stream_dense_bytes };
    scp_stream s = { 0 };
    size_t all = 0;
    if (open_stream(&s, f, o) == SCP_OK)
        all = bytes[s.m->kind](&s) + (size_t)o->threads * sizeof *s.thread;
    else
        scp_err_clear();
    close_stream(&s);
    return all;
}

/* ---- cuts ---- */

/* The multiple of `unit` next to x, as long as `share` is several of them. */
static size_t snap(size_t x, size_t unit, size_t share)
{
    return share / 4 < unit ? x : (x + unit / 2) / unit * unit;
}

static size_t part_of(size_t n, int part, int parts)
{
    size_t p = (size_t)part, all = (size_t)parts;
    return n / all * p + n % all * p / all;
}

/* First row in [low, high] that begins at entry `want` or later. */
static scp_status row_of_entry(const scp_matrix *m, size_t low, size_t high, size_t want,
                               size_t *row)
{
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        int64_t start;
        SCP_TRY(scp_matrix_row_starts(m, mid, 0, &start));
        if ((size_t)start < want)
            low = mid + 1;
        else
            high = mid;
    }
    *row = low;
    return SCP_OK;
}

static scp_status cut(scp_stream *s, int part, int parts, size_t *row)
{
    const size_t first = s->o->first, n = s->o->n;
    int64_t begin, end;
    *row = first + part_of(n, part, parts);
    if (s->m->kind == SCP_H5AD_DENSE) *row = snap(*row, s->dense.chunk[0], n / (size_t)parts);
    if (s->m->kind == SCP_H5AD_CSR) {
        SCP_TRY(scp_matrix_row_starts(s->m, first, 0, &begin));
        SCP_TRY(scp_matrix_row_starts(s->m, first + n, 0, &end));
        size_t all = (size_t)(end - begin), want = (size_t)begin + part_of(all, part, parts);
        want = snap(want, s->entries.run, all / (size_t)parts);
        if (all > 0) SCP_TRY(row_of_entry(s->m, first, first + n, want, row));
    }
    if (*row < first) *row = first;
    if (*row > first + n) *row = first + n;
    return SCP_OK;
}

scp_status scp_h5ad_stream_cut(scp_h5ad *f, size_t first, size_t n, int part, int parts,
                               size_t *row)
{
    SCP_ARG(f && parts >= 1 && row, "reader, parts and result are required");
    const scp_h5ad_stream_options o = { .first = first, .n = n, .threads = 1 };
    scp_stream s = { 0 };
    *row = part <= 0 ? first : first + n;
    if (part <= 0 || part >= parts) return SCP_OK;
    scp_status st = open_stream(&s, f, &o);
    if (st == SCP_OK) st = cut(&s, part, parts, row);
    close_stream(&s);
    return st;
}
