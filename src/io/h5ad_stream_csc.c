/* CSC: entries come by columns, so rows are made by counting, then scattering, as in a
 * transposition, for as many rows at a time as fit into the given memory: one pass over the indices
 * to count, then one over everything for each group of rows.
 *
 * Threads load runs at once, but scatter in the order of the file, so that the columns of a row
 * rise whatever the number of threads. */
#include <string.h>

#include "base/mem.h"
#include "io/h5ad_stream_impl.h"

#define GROUP_BYTES ((size_t)512 << 20)
enum { ENTRY = sizeof(int32_t) + sizeof(float) };

typedef struct transposer {
    scp_stream *s;
    int64_t *start;  /* [n + 1] of the wanted rows, others are empty          */
    int64_t *next;   /* [n] where the next entry of a row goes                 */
    int32_t *column; /* [room] entries of the group                            */
    float *value;
    size_t room, first, end; /* rows of the group: [first, end) of the range   */
    pthread_mutex_t lock;
    pthread_cond_t changed;
    size_t turn; /* run that may scatter now */
    bool broken; /* it will not come          */
} transposer;

static size_t runs(const scp_stream *s)
{
    return (s->entries.n + s->entries.run - 1) / s->entries.run;
}

/* Load run k: entries [*begin, *end). */
static scp_status load_run(scp_stream *s, int thread, size_t k, bool values, size_t *begin,
                           size_t *end)
{
    const scp_entries *e = &s->entries;
    scp_entry_buffer *b = &s->thread[thread].entries;
    *begin = k * e->run;
    *end = e->n - *begin < e->run ? e->n : *begin + e->run;
    scp_status st = scp_entries_load(e, *begin, *end, values, b);
    if (st != SCP_OK) return scp_stream_damage(st, s->o->first, s->o->first + s->o->n);
    for (size_t i = 0; i < *end - *begin && !b->good_index; i++)
        if (b->index[i] < 0 || (size_t)b->index[i] >= e->limit)
            SCP_FAIL(SCP_EDATA, "%s: row index %d, but there are %zu rows", s->m->where,
                     b->index[i], e->limit);
    return SCP_OK;
}

/* Entries of each wanted row, into start[row + 1]. */
static scp_status count_run(void *ctx, int thread, size_t k)
{
    transposer *t = ctx;
    const scp_h5ad_stream_options *o = t->s->o;
    const int32_t *row = NULL;
    size_t begin, end;
    SCP_TRY(load_run(t->s, thread, k, false, &begin, &end));
    row = t->s->thread[thread].entries.index;
    for (size_t i = 0; i < end - begin; i++) {
        size_t r = (size_t)row[i] - o->first; /* wraps below first */
        if (r < o->n && scp_stream_wanted(t->s, r))
            __atomic_fetch_add(&t->start[r + 1], 1, __ATOMIC_RELAXED);
    }
    return SCP_OK;
}

/* Column of entry k: the last that begins at or before it and is not empty. */
static size_t column_of(const scp_matrix *m, size_t k)
{
    size_t low = 0, high = m->n_cols; /* start[low] <= k < start[high] */
    while (high - low > 1) {
        size_t mid = low + (high - low) / 2;
        if ((size_t)m->column_start[mid] <= k)
            low = mid;
        else
            high = mid;
    }
    return low;
}

static scp_status scatter(transposer *t, const scp_entry_buffer *b, size_t begin, size_t end)
{
    const scp_matrix *m = t->s->m;
    const size_t first = t->s->o->first + t->first, n = t->end - t->first;
    const int64_t base = t->start[t->first];
    size_t column = column_of(m, begin);
    for (size_t k = begin; k < end; k++) {
        size_t r = (size_t)b->index[k - begin] - first;
        while ((size_t)m->column_start[column + 1] <= k) column++;
        if (r >= n || !scp_stream_wanted(t->s, t->first + r)) continue;
        if (!scp_h5_finite(b->value[k - begin]))
            SCP_FAIL(SCP_EDATA, "%s: row %d, column %zu: the value is not finite", m->where,
                     b->index[k - begin], column);
        int64_t at = t->next[t->first + r]++ - base;
        t->column[at] = (int32_t)column;
        t->value[at] = b->value[k - begin];
    }
    return SCP_OK;
}

/* Wait for the turn of run k; false when it will not come. */
static bool await(transposer *t, size_t k)
{
    pthread_mutex_lock(&t->lock);
    while (t->turn != k && !t->broken) pthread_cond_wait(&t->changed, &t->lock);
    bool mine = !t->broken;
    pthread_mutex_unlock(&t->lock);
    return mine;
}

static void pass_on(transposer *t, scp_status st)
{
    pthread_mutex_lock(&t->lock);
    t->turn++;
    t->broken |= st != SCP_OK;
    pthread_cond_broadcast(&t->changed);
    pthread_mutex_unlock(&t->lock);
}

static scp_status scatter_run(void *ctx, int thread, size_t k)
{
    transposer *t = ctx;
    size_t begin, end;
    scp_status st = load_run(t->s, thread, k, true, &begin, &end);
    if (!await(t, k)) return st;
    if (st == SCP_OK) st = scatter(t, &t->s->thread[thread].entries, begin, end);
    pass_on(t, st);
    return st == SCP_OK ? st : scp_err_frame(st, __FILE__, __LINE__, "scatter_run");
}

/* Give block k of the group's rows. */
static scp_status give_block(void *ctx, int thread, size_t k)
{
    transposer *t = ctx;
    scp_stream_thread *own = &t->s->thread[thread];
    size_t begin = t->first + k * SCP_STREAM_ROWS, n = 0;
    size_t end = t->end - begin < SCP_STREAM_ROWS ? t->end : begin + SCP_STREAM_ROWS;
    for (size_t i = begin; i < end; i++) {
        if (!scp_stream_wanted(t->s, i)) continue;
        own->row[n] = t->s->o->first + i;
        own->start[n++] = t->start[i];
    }
    if (n == 0) return SCP_OK;
    own->start[n] = t->start[end];
    size_t at = (size_t)(own->start[0] - t->start[t->first]);
    SCP_TRY(scp_stream_give(t->s, thread, n, t->column + at, t->value + at));
    return SCP_OK;
}

static scp_status do_group(transposer *t)
{
    scp_stream *s = t->s;
    t->turn = 0;
    memcpy(t->next + t->first, t->start + t->first, (t->end - t->first) * sizeof *t->next);
    SCP_TRY(scp_stream_share(s, runs(s), scatter_run, t));
    SCP_TRY(scp_stream_share(s, (t->end - t->first + SCP_STREAM_ROWS - 1) / SCP_STREAM_ROWS,
                             give_block, t));
    return SCP_OK;
}

/* End of the group that begins at row `first`; at least one row. */
static size_t group_end(const transposer *t, size_t first, size_t most)
{
    size_t end = first + 1;
    while (end < t->s->o->n && (size_t)(t->start[end + 1] - t->start[first]) <= most) end++;
    return end;
}

static size_t group_entries(const scp_stream *s)
{
    size_t most = (s->o->csc_bytes ? s->o->csc_bytes : GROUP_BYTES) / ENTRY;
    return most < s->entries.n ? most : s->entries.n;
}

/* Room for the largest group. */
static scp_status reserve(transposer *t, size_t most)
{
    for (size_t first = 0, end; first < t->s->o->n; first = end) {
        end = group_end(t, first, most);
        size_t n = (size_t)(t->start[end] - t->start[first]);
        if (n > t->room) t->room = n;
    }
    SCP_TRY(scp_alloc(t->room, sizeof *t->column, &t->column));
    SCP_TRY(scp_alloc(t->room, sizeof *t->value, &t->value));
    return SCP_OK;
}

/* Chunks are shared out to rows as if they lay by rows: each belongs to one part of any partition.
 */
static scp_status hash_share(scp_stream *s, const scp_h5_chunks *c)
{
    const scp_h5ad_stream_options *o = s->o;
    scp_entry_buffer *b = &s->thread[0].entries;
    for (size_t i = 0; i < c->count[0]; i++) {
        size_t row = (size_t)((unsigned __int128)i * s->m->n_rows / c->count[0]);
        if (row < o->first || row - o->first >= o->n) continue;
        scp_status st = scp_h5_chunk_fetch(c, i, 0, &b->decoder);
        if (st != SCP_OK) return scp_stream_damage(st, o->first, o->first + o->n);
        b->digest += scp_h5_chunk_digest(c, i, 0, &b->decoder);
    }
    return SCP_OK;
}

static scp_status transpose(transposer *t)
{
    scp_stream *s = t->s;
    const size_t n = s->o->n, most = group_entries(s);
    SCP_TRY(scp_alloc(n + 1, sizeof *t->start, &t->start));
    SCP_TRY(scp_alloc(n, sizeof *t->next, &t->next));
    SCP_TRY(scp_stream_share(s, runs(s), count_run, t));
    for (size_t i = 0; i < n; i++) t->start[i + 1] += t->start[i];
    SCP_TRY(reserve(t, most));
    for (t->first = 0; t->first < n; t->first = t->end) {
        t->end = group_end(t, t->first, most);
        SCP_TRY(do_group(t));
    }
    return SCP_OK;
}

scp_status scp_stream_csc(scp_stream *s)
{
    scp_status st = SCP_OK;
    transposer t = { .s = s };
    pthread_mutex_init(&t.lock, NULL);
    pthread_cond_init(&t.changed, NULL);
    for (int i = 0; i < s->o->threads; i++) s->thread[i].entries.hash = false;
    if (s->hash) {
        SCP_GOTO(done, hash_share(s, &s->entries.data));
        SCP_GOTO(done, hash_share(s, &s->entries.indices));
    }
    if (scp_stream_any(s, 0, s->o->n)) SCP_GOTO(done, transpose(&t));
done:
    pthread_cond_destroy(&t.changed);
    pthread_mutex_destroy(&t.lock);
    free(t.start);
    free(t.next);
    free(t.column);
    free(t.value);
    return st;
}

size_t scp_stream_csc_bytes(const scp_stream *s)
{
    return (2 * s->o->n + 1) * sizeof(int64_t) + group_entries(s) * ENTRY +
           (size_t)s->o->threads * scp_entry_buffer_bytes(&s->entries);
}
