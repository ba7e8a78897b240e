/* CSR: a thread claims a run of entries, loads it, and gives the rows that lie within it. A row
 * that crosses a border of runs is put together from its fragments by whoever brings the last one.
 *
 * A row belongs to the run in which it begins; empty rows too (those at the very end to the last
 * run). Row starts are held for a window of rows at a time, so that memory does not grow with them.
 */
#include <string.h>

#include "base/mem.h"
#include "io/h5ad_stream_impl.h"

enum { WINDOW = 1 << 17 }; /* rows: 1 MiB of row starts; some thousand chunks */

typedef struct fragments {
    struct fragments *next;
    size_t row, have;
    int32_t *column;
    float *value;
} fragments;

typedef struct window {
    scp_stream *s;
    size_t first, n; /* rows of the stream's range */
    int64_t *start;  /* [n + 1] */
    size_t first_run, n_runs;
    pthread_mutex_t lock; /* of crossing: */
    fragments *crossing;  /* rows of which some fragments have come */
} window;

/* First row of the window, or n, that begins at entry `at` or later. */
static size_t row_from(const window *w, size_t at)
{
    size_t low = 0, high = w->n;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if ((size_t)w->start[mid] < at)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

static bool wanted(const window *w, size_t row)
{
    return scp_stream_wanted(w->s, w->first + row);
}

static size_t file_row(const window *w, size_t row)
{
    return w->s->o->first + w->first + row;
}

/* Entries [begin, end) in the buffer. */
typedef struct loaded {
    size_t begin, end;
    scp_entry_buffer *b;
} loaded;

/* The part of a row that is loaded. */
static void part_of_row(const window *w, const loaded *in, size_t row, size_t *from, size_t *till)
{
    size_t a = (size_t)w->start[row], b = (size_t)w->start[row + 1];
    *from = a < in->begin ? in->begin : a;
    *till = b > in->end ? in->end : b;
}

/* A bad entry of a wanted row is an error; others are made harmless. */
static scp_status check_entries(const window *w, const loaded *in, size_t row)
{
    size_t from, till, n_cols = w->s->m->n_cols;
    part_of_row(w, in, row, &from, &till);
    for (size_t k = from; k < till; k++) {
        int32_t *column = &in->b->index[k - in->begin];
        float *value = &in->b->value[k - in->begin];
        bool in_range = *column >= 0 && (size_t)*column < n_cols;
        if (in_range && scp_h5_finite(*value)) continue;
        if (wanted(w, row) && !in_range)
            SCP_FAIL(SCP_EDATA, "%s: row %zu: column index %d, but there are %zu columns",
                     w->s->m->where, file_row(w, row), *column, n_cols);
        if (wanted(w, row))
            SCP_FAIL(SCP_EDATA, "%s: row %zu, column %d: the value is not finite", w->s->m->where,
                     file_row(w, row), *column);
        *column = 0;
        *value = 0;
    }
    return SCP_OK;
}

/* ---- rows that cross a border ---- */

static scp_status find_crossing(window *w, size_t row, fragments **out)
{
    scp_status st = SCP_OK;
    fragments *f = w->crossing;
    size_t n = (size_t)(w->start[row + 1] - w->start[row]);
    while (f && f->row != row) f = f->next;
    *out = f;
    if (f) return SCP_OK;
    SCP_TRY(scp_alloc(1, sizeof *f, &f));
    f->row = row;
    SCP_GOTO(done, scp_alloc(n, sizeof *f->column, &f->column));
    SCP_GOTO(done, scp_alloc(n, sizeof *f->value, &f->value));
    f->next = w->crossing;
    w->crossing = *out = f;
    f = NULL;
done:
    if (f) free(f->column);
    free(f);
    return st;
}

static void drop(fragments *f)
{
    free(f->column);
    free(f->value);
    free(f);
}

/* Count n more entries of f; true when these were the last: f is then the caller's. */
static bool complete(window *w, fragments *f, size_t n)
{
    pthread_mutex_lock(&w->lock);
    f->have += n;
    bool whole = f->have == (size_t)(w->start[f->row + 1] - w->start[f->row]);
    fragments **at = &w->crossing;
    while (whole && *at != f) at = &(*at)->next;
    if (whole) *at = f->next;
    pthread_mutex_unlock(&w->lock);
    return whole;
}

static scp_status add_fragment(window *w, int thread, const loaded *in, size_t row)
{
    scp_stream_thread *t = &w->s->thread[thread];
    size_t from, till;
    fragments *f = NULL;
    if (!wanted(w, row)) return SCP_OK;
    pthread_mutex_lock(&w->lock);
    scp_status st = find_crossing(w, row, &f);
    pthread_mutex_unlock(&w->lock);
    SCP_TRY(st);
    part_of_row(w, in, row, &from, &till);
    size_t to = from - (size_t)w->start[row], at = from - in->begin, n = till - from;
    memcpy(f->column + to, in->b->index + at, n * sizeof *f->column);
    memcpy(f->value + to, in->b->value + at, n * sizeof *f->value);
    if (!complete(w, f, n)) return SCP_OK;
    t->row[0] = file_row(w, row);
    t->start[0] = 0;
    t->start[1] = w->start[row + 1] - w->start[row];
    st = scp_stream_give(w->s, thread, 1, f->column, f->value);
    drop(f);
    return st == SCP_OK ? st : scp_err_frame(st, __FILE__, __LINE__, "add_fragment");
}

/* ---- runs ---- */

/* Give rows [begin, end), which are wholly loaded, in blocks from a wanted one to a wanted one. */
static scp_status give_rows(window *w, int thread, const loaded *in, size_t begin, size_t end)
{
    scp_stream_thread *t = &w->s->thread[thread];
    for (size_t i = begin, n; i < end; i += n) {
        size_t last = 0;
        for (n = 0; n < SCP_STREAM_ROWS && i + n < end; n++) {
            if (!wanted(w, i + n) && last == 0) break;
            if (wanted(w, i + n)) last = n + 1;
            t->row[n] = file_row(w, i + n);
            t->start[n] = w->start[i + n];
        }
        if (n == 0) n = 1; /* a row that is not wanted */
        if (last == 0) continue;
        t->start[last] = w->start[i + last];
        size_t at = (size_t)t->start[0] - in->begin;
        SCP_TRY(scp_stream_give(w->s, thread, last, in->b->index + at, in->b->value + at));
    }
    return SCP_OK;
}

/* The row numbers of a run: [first, end) begin in it; head: the row before has its rest here; tail:
 * the last one goes on behind it. */
typedef struct run_rows {
    size_t first, end;
    bool head, tail;
} run_rows;

static run_rows rows_of_run(const window *w, size_t begin, size_t end, bool is_last)
{
    run_rows r = { .first = row_from(w, begin), .end = is_last ? w->n : row_from(w, end) };
    r.head = r.first > 0 && (size_t)w->start[r.first] > begin;
    r.tail = r.end > r.first && (size_t)w->start[r.end] > end;
    return r;
}

static scp_status one_run(void *ctx, int thread, size_t k)
{
    window *w = ctx;
    scp_stream *s = w->s;
    scp_entry_buffer *b = &s->thread[thread].entries;
    const size_t run = s->entries.run, low = (size_t)w->start[0], high = (size_t)w->start[w->n];
    bool is_last = k == w->n_runs - 1;
    loaded in = { k == 0 ? low : (w->first_run + k) * run,
                  is_last ? high : (w->first_run + k + 1) * run, b };
    run_rows r = rows_of_run(w, in.begin, in.end, is_last);
    size_t begin = r.first - r.head, end = r.end;
    scp_status st = SCP_OK;
    if (!scp_stream_any(s, w->first + begin, w->first + end)) {
        if (s->hash) st = scp_entries_hash(&s->entries, in.begin, in.end, b);
        if (st != SCP_OK) return scp_stream_damage(st, file_row(w, begin), file_row(w, end));
        return SCP_OK;
    }
    st = scp_entries_load(&s->entries, in.begin, in.end, true, b);
    if (st != SCP_OK) return scp_stream_damage(st, file_row(w, begin), file_row(w, end));
    for (size_t i = begin; i < end && !(b->good_index && b->good_value); i++)
        SCP_TRY(check_entries(w, &in, i));
    if (r.head) SCP_TRY(add_fragment(w, thread, &in, r.first - 1));
    if (r.tail) SCP_TRY(add_fragment(w, thread, &in, r.end - 1));
    SCP_TRY(give_rows(w, thread, &in, r.first, r.end - r.tail));
    return SCP_OK;
}

static scp_status stream_window(window *w)
{
    const size_t run = w->s->entries.run;
    SCP_TRY(scp_matrix_row_starts(w->s->m, w->s->o->first + w->first, w->n, w->start));
    size_t low = (size_t)w->start[0], high = (size_t)w->start[w->n];
    w->first_run = low / run;
    w->n_runs = high > low ? (high - 1) / run - w->first_run + 1 : 1;
    SCP_TRY(scp_stream_share(w->s, w->n_runs, one_run, w));
    return SCP_OK;
}

scp_status scp_stream_csr(scp_stream *s)
{
    scp_status st = SCP_OK;
    const size_t n = s->o->n, step = n < WINDOW ? n : WINDOW;
    window w = { .s = s };
    pthread_mutex_init(&w.lock, NULL);
    SCP_GOTO(done, scp_alloc(step + 1, sizeof *w.start, &w.start));
    for (; w.first < n; w.first += step) {
        w.n = n - w.first < step ? n - w.first : step;
        SCP_GOTO(done, stream_window(&w));
    }
done:
    while (w.crossing) {
        fragments *f = w.crossing;
        w.crossing = f->next;
        drop(f);
    }
    pthread_mutex_destroy(&w.lock);
    free(w.start);
    return st;
}

size_t scp_stream_csr_bytes(const scp_stream *s)
{
    size_t threads = (size_t)s->o->threads, rows = s->o->n < WINDOW ? s->o->n : WINDOW;
    size_t row = s->m->longest * (sizeof(int32_t) + sizeof(float)) + sizeof(fragments);
    return (rows + 1) * sizeof(int64_t) + scp_starts_bytes(s->m->indptr_reader) +
           threads * (scp_entry_buffer_bytes(&s->entries) + 2 * row);
}
