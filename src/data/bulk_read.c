/* One rank's rows of one file: streamed by threads, normalised, added. */
#include "data/bulk_read.h"

#include <stdlib.h>

#include "base/machine.h"
#include "base/mem.h"
#include "base/sig.h"
#include "base/team.h"
#include "data/bulk_pending.h"
#include "data/normalize.h"
#include "io/h5ad_stream.h"

typedef struct entry {
    int32_t column;
    float value;
} entry;

struct scp_bulk_worker {
    scp_pending *pending;
    int64_t train_cells, empty_cells;
    uint64_t *addend;
    entry *sorted;
    size_t cap_addend, cap_sorted;
};

size_t scp_bulk_sink_bytes(int threads, size_t G, size_t slots)
{
    /* a cell has at most G entries, unless columns are stored twice; buffers grow by doubling */
    return (size_t)threads * (scp_pending_bytes(G, slots, threads) + 4 * G * sizeof(uint64_t));
}

scp_status scp_bulk_sink_open(scp_bulk_sink *s)
{
    SCP_ARG(s && s->threads >= 1, "a sink of at least one thread is required");
    SCP_TRY(scp_alloc((size_t)s->threads, sizeof(scp_bulk_worker *), &s->worker));
    for (int t = 0; t < s->threads; t++) {
        SCP_TRY(scp_alloc(1, sizeof **s->worker, &s->worker[t]));
    }
    return SCP_OK;
}

void scp_bulk_sink_fini(scp_bulk_sink *s)
{
    for (int t = 0; s->worker && t < s->threads; t++) {
        scp_bulk_worker *w = s->worker[t];
        if (!w) continue;
        scp_pending_destroy(&w->pending);
        free(w->addend);
        free(w->sorted);
        free(w);
    }
    free(s->worker);
    *s = (scp_bulk_sink){ 0 };
}

scp_status scp_bulk_sink_begin(scp_bulk_sink *s)
{
    for (int t = 0; t < s->threads; t++) {
        scp_pending **p = &s->worker[t]->pending;
        if (!*p) SCP_TRY(scp_pending_create(s->sums->order.G, s->threads, p));
        SCP_TRY(scp_pending_begin(*p, (size_t)(s->end - s->first)));
    }
    return SCP_OK;
}

static scp_status flush_worker(void *ctx, int thread)
{
    scp_bulk_sink *s = ctx;
    scp_pending_flush(s->worker[thread]->pending, s->sums, s->slot_cells + s->first);
    return SCP_OK;
}

scp_status scp_bulk_sink_finish(scp_bulk_sink *s, int64_t *detected, int64_t *train_cells,
                                int64_t *empty_cells)
{
    const scp_sums_order *o = &s->sums->order;
    int64_t *seen = NULL;
    SCP_TRY(scp_team_run(s->threads, flush_worker, s));
    for (int t = 0; t < s->threads; t++) {
        *train_cells += s->worker[t]->train_cells;
        *empty_cells += s->worker[t]->empty_cells;
        s->worker[t]->train_cells = s->worker[t]->empty_cells = 0;
        scp_pending_destroy(&s->worker[t]->pending); /* what comes next has its memory */
    }
    SCP_TRY(scp_alloc(o->G, sizeof *seen, &seen));
    scp_status st = scp_sums_detected(s->sums, s->threads, seen);
    for (size_t g = 0; g < o->G && st == SCP_OK; g++) detected[g] += seen[o->place[g]];
    free(seen);
    return st;
}

static int compare_entry(const void *pa, const void *pb)
{
    const entry *a = pa, *b = pb;
    return (a->column > b->column) - (a->column < b->column);
}

SCP_ANY_MACHINE
static bool is_rising(const int32_t *column, size_t n)
{
    int rising = 1;
#pragma omp simd reduction(& : rising)
    for (size_t i = 1; i < n; i++) rising &= column[i - 1] < column[i];
    return rising != 0;
}

/* Sort a row, and add up its entries of one column, in place. */
static scp_status merge_duplicates(scp_bulk_worker *w, int32_t *column, float *value, size_t *n)
{
    SCP_TRY(scp_grow(&w->sorted, &w->cap_sorted, *n, sizeof *w->sorted));
    for (size_t i = 0; i < *n; i++) w->sorted[i] = (entry){ column[i], value[i] };
    qsort(w->sorted, *n, sizeof *w->sorted, compare_entry);
    size_t out = 0;
    for (size_t i = 0; i < *n; i++) {
        if (out > 0 && column[out - 1] == w->sorted[i].column) {
            value[out - 1] += w->sorted[i].value;
        } else {
            column[out] = w->sorted[i].column;
            value[out++] = w->sorted[i].value;
        }
    }
    *n = out;
    return SCP_OK;
}

/* One stream: the rows, and who gets them. */
typedef struct stream {
    const scp_bulk_rows *rows;
    scp_bulk_sink *sink;
} stream;

/* Check the values of a cell and set how its addends come about. */
static scp_value_fault scale_cell(scp_values kind, scp_bulk_worker *w, scp_pending_cell *c,
                                  bool *empty, size_t *bad)
{
    if (kind == SCP_VALUES_COUNTS) {
        scp_value_fault fault = scp_count_library(c->value, c->n, &c->library, bad);
        *empty = c->library == 0;
        return fault;
    }
    c->addend = w->addend;
    return scp_normalize_row(kind, c->value, c->n, w->addend, empty, bad);
}

static scp_status add_cell(const stream *s, scp_bulk_worker *w, int32_t slot, size_t row,
                           int32_t *column, float *value, size_t n)
{
    scp_bulk_sink *sink = s->sink;
    bool empty = false;
    size_t bad = 0;
    if (sink->values != SCP_VALUES_COUNTS)
        SCP_TRY(scp_grow(&w->addend, &w->cap_addend, n, sizeof *w->addend));
    scp_pending_cell c = {
        .slot = (size_t)(slot - sink->first), .n = n, .column = column, .value = value
    };
    scp_value_fault fault = scale_cell(sink->values, w, &c, &empty, &bad);
    if (fault == SCP_VALUE_GOOD && !is_rising(column, n)) { /* added up, each value being good */
        SCP_TRY(merge_duplicates(w, column, value, &c.n));
        fault = scale_cell(sink->values, w, &c, &empty, &bad);
    }
    if (fault != SCP_VALUE_GOOD)
        SCP_FAIL(SCP_EDATA, "%s: row %zu, column %d: %s: %g", s->rows->path, row, column[bad],
                 scp_value_fault_text(fault), (double)value[bad]);
    w->empty_cells += empty;
    if (empty) return SCP_OK;
    w->train_cells += sink->slot_train[slot];
    scp_pending_put(w->pending, sink->sums, &c, sink->slot_cells + sink->first);
    return SCP_OK;
}

static void tell(scp_bulk_sink *s, int thread, int64_t cells)
{
    scp_bulk_progress *p = &s->progress;
    int64_t done = __atomic_add_fetch(&p->done, cells, __ATOMIC_RELAXED);
    if (thread != 0 || !p->show || p->share == 0) return;
    double part = (double)done / (double)p->share;
    scp_progress_update(p->show, p->before + (int64_t)(part * (double)p->here), NULL);
}

static scp_status add_block(void *ctx, int thread, const size_t *row, scp_h5ad_rows *rows)
{
    const stream *s = ctx;
    scp_bulk_sink *sink = s->sink;
    int64_t cells = 0;
    if (scp_sig_pending())
        SCP_FAIL(SCP_EREQUEUE,
                 "stopped by signal %d: what is finished is kept, the same command "
                 "goes on from there",
                 scp_sig_pending());
    for (size_t i = 0; i < rows->n_rows; i++) {
        int32_t slot = s->rows->slot[row[i] - s->rows->first];
        if (slot < sink->first || slot >= sink->end) continue;
        int64_t begin = rows->indptr[i];
        SCP_TRY(add_cell(s, sink->worker[thread], slot, row[i], rows->column + begin,
                         rows->value + begin, (size_t)(rows->indptr[i + 1] - begin)));
        cells++;
    }
    tell(sink, thread, cells);
    return SCP_OK;
}

/* Wanted cells of a range, for the progress. */
static int64_t wanted(const scp_bulk_sink *s, const int32_t *slot, size_t n)
{
    int64_t cells = 0;
    for (size_t i = 0; i < n; i++) cells += slot[i] >= s->first && slot[i] < s->end;
    return cells;
}

/* Slots and accumulators have the sizes of the plan: it must still be the same file. */
static scp_status check_stamp(const scp_bulk_rows *r)
{
    scp_fs_stamp now;
    SCP_TRY(scp_fs_stamp_get(r->path, &now));
    if (now.bytes == r->stamp.bytes && now.modified == r->stamp.modified) return SCP_OK;
    SCP_FAIL(
        SCP_EDATA,
        "%s changed while it was read (%lld bytes, before %lld): run again when nothing writes "
        "to it",
        r->path, (long long)now.bytes, (long long)r->stamp.bytes);
}

static scp_status check_file(const scp_bulk_rows *r, const scp_h5ad *f)
{
    SCP_TRY(check_stamp(r));
    if (scp_h5ad_n_obs(f) == r->cells && scp_h5ad_n_vars(f) == r->genes) return SCP_OK;
    SCP_FAIL(SCP_EDATA, "%s changed while it was read: %zu x %zu values, before %zu x %zu", r->path,
             scp_h5ad_n_obs(f), scp_h5ad_n_vars(f), r->cells, r->genes);
}

scp_status scp_bulk_read(const scp_bulk_rows *r, scp_bulk_sink *sink, uint64_t *digest)
{
    SCP_ARG(r && r->path && r->matrix && r->slot && sink && sink->worker,
            "file, slots and accumulators are required");
    scp_status st = SCP_OK;
    scp_h5ad *file = NULL;
    stream s = { .rows = r, .sink = sink };
    SCP_GOTO(done, scp_h5ad_open(r->path, &file));
    SCP_GOTO(done, scp_h5ad_select_matrix(file, r->matrix));
    SCP_GOTO(done, check_file(r, file));
    size_t begin, end;
    SCP_GOTO(done, scp_h5ad_stream_cut(file, r->first, r->n, r->rank, r->size, &begin));
    SCP_GOTO(done, scp_h5ad_stream_cut(file, r->first, r->n, r->rank + 1, r->size, &end));
    const scp_h5ad_stream_options o = { .first = begin,
                                        .n = end - begin,
                                        .threads = sink->threads,
                                        .slot = r->slot + (begin - r->first),
                                        .slot_begin = sink->first,
                                        .slot_end = sink->end };
    sink->progress.here = wanted(sink, r->slot, r->n);
    sink->progress.share = wanted(sink, o.slot, o.n);
    sink->progress.done = 0;
    SCP_GOTO(done, scp_h5ad_stream(file, &o, add_block, &s, digest));
    SCP_GOTO(done, check_stamp(r));
    sink->progress.before += sink->progress.here;
    scp_progress_update(sink->progress.show, sink->progress.before, NULL);
done:
    scp_h5ad_close(&file);
    return st;
}
