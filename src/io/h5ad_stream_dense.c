/* Dense: a thread claims a block of rows, whole chunks high where that many rows fit into memory,
 * gathers all columns of it, and gives the entries that are not zero. */
#include <string.h>

#include "base/mem.h"
#include "io/h5ad_stream_impl.h"

enum {
    BLOCK = 1 << 22,  /* elements of a block at most, if a row is not longer */
    ENTRIES = 1 << 16 /* room for entries given at once, and for one row     */
};

/* Blocks of rows: `per_chunk` of `step` rows for each row of chunks; chunks higher than a block are
 * inflated for each of its blocks. */
typedef struct blocks {
    scp_stream *s;
    size_t step, per_chunk, first_chunk;
} blocks;

static blocks make_blocks(scp_stream *s)
{
    size_t width = s->m->n_cols ? s->m->n_cols : 1, high = s->dense.chunk[0];
    size_t fit = width < BLOCK ? BLOCK / width : 1;
    blocks b = { .s = s, .step = high < fit ? high : fit };
    b.per_chunk = (high + b.step - 1) / b.step;
    b.first_chunk = s->o->first / high;
    return b;
}

static size_t room(const scp_stream *s)
{
    return s->m->n_cols > ENTRIES ? s->m->n_cols : ENTRIES;
}

static scp_status reserve(scp_stream *s, const blocks *b, scp_stream_thread *t)
{
    if (t->dense) return SCP_OK;
    SCP_TRY(scp_alloc(b->step * s->m->n_cols, sizeof *t->dense, &t->dense));
    SCP_TRY(scp_alloc(room(s), sizeof *t->entries.index, &t->entries.index));
    SCP_TRY(scp_alloc(room(s), sizeof *t->entries.value, &t->entries.value));
    return SCP_OK;
}

/* The elements of rows [begin, end) in a decoded chunk to their places in t->dense. */
static scp_status place(scp_stream *s, scp_stream_thread *t, const uint8_t *elements, size_t i,
                        size_t j, size_t begin, size_t end)
{
    const scp_h5_chunks *c = &s->dense;
    const size_t bytes = scp_h5_number_bytes(c->type), width = s->m->n_cols;
    size_t column = j * c->chunk[1],
           n = width - column < c->chunk[1] ? width - column : c->chunk[1];
    for (size_t row = begin; row < end; row++) {
        const uint8_t *from = elements + (row - i * c->chunk[0]) * c->chunk[1] * bytes;
        float *to = t->dense + (row - begin) * width + column;
        if (scp_h5_to_float(c->type, from, n, to) || !scp_stream_wanted(s, row - s->o->first))
            continue;
        for (size_t k = 0; k < n; k++)
            if (!scp_h5_finite(to[k]))
                SCP_FAIL(SCP_EDATA, "%s: row %zu, column %zu: the value is not finite", s->m->where,
                         row, column + k);
    }
    return SCP_OK;
}

/* Rows [begin, end), which lie in row i of chunks; without `load` they are only hashed. */
static scp_status load_rows(scp_stream *s, scp_stream_thread *t, size_t i, size_t begin, size_t end,
                            bool load)
{
    const scp_h5_chunks *c = &s->dense;
    bool hash = s->hash && i * c->chunk[0] >= begin; /* the chunks begin here */
    for (size_t j = 0; j < c->count[1] && (hash || load); j++) {
        const void *elements = NULL;
        scp_status st = scp_h5_chunk_fetch(c, i, j, &t->entries.decoder);
        if (st == SCP_OK && hash)
            t->entries.digest += scp_h5_chunk_digest(c, i, j, &t->entries.decoder);
        if (st == SCP_OK && load) st = scp_h5_chunk_decode(c, i, j, &t->entries.decoder, &elements);
        if (st != SCP_OK) return scp_stream_damage(st, begin, end);
        if (load) SCP_TRY(place(s, t, elements, i, j, begin, end));
    }
    return SCP_OK;
}

/* Append the entries of one row that are not zero; returns the new number of entries. Most
 * stretches of counts are zero as a whole. */
static size_t gather(const float *x, size_t n, size_t at, int32_t *column, float *value)
{
    enum { STRETCH = 16 };
    size_t j = 0;
    for (; j + STRETCH <= n; j += STRETCH) {
        uint32_t bits[STRETCH], any = 0;
        memcpy(bits, x + j, sizeof bits);
        for (size_t k = 0; k < STRETCH; k++) any |= bits[k] << 1; /* without the sign */
        for (size_t k = j; any && k < j + STRETCH; k++) {
            column[at] = (int32_t)k;
            value[at] = x[k];
            at += x[k] != 0;
        }
    }
    for (; j < n; j++) {
        if (x[j] == 0) continue;
        column[at] = (int32_t)j;
        value[at++] = x[j];
    }
    return at;
}

/* Give the wanted rows of [begin, end), which t->dense holds. */
static scp_status give_rows(scp_stream *s, int thread, size_t begin, size_t end)
{
    scp_stream_thread *t = &s->thread[thread];
    const size_t width = s->m->n_cols;
    size_t n = 0, nnz = 0;
    for (size_t row = begin; row < end; row++) {
        if (!scp_stream_wanted(s, row - s->o->first)) continue;
        t->row[n] = row;
        t->start[n] = (int64_t)nnz;
        nnz = gather(t->dense + (row - begin) * width, width, nnz, t->entries.index,
                     t->entries.value);
        t->start[++n] = (int64_t)nnz;
        if (n < SCP_STREAM_ROWS && nnz + width < room(s)) continue;
        SCP_TRY(scp_stream_give(s, thread, n, t->entries.index, t->entries.value));
        n = nnz = 0;
    }
    if (n > 0) SCP_TRY(scp_stream_give(s, thread, n, t->entries.index, t->entries.value));
    return SCP_OK;
}

static scp_status one_block(void *ctx, int thread, size_t piece)
{
    const blocks *b = ctx;
    scp_stream *s = b->s;
    const scp_h5ad_stream_options *o = s->o;
    const size_t high = s->dense.chunk[0], i = b->first_chunk + piece / b->per_chunk;
    size_t begin = i * high + piece % b->per_chunk * b->step, end = begin + b->step;
    if (end > (i + 1) * high) end = (i + 1) * high;
    if (begin < o->first) begin = o->first;
    if (end > o->first + o->n) end = o->first + o->n;
    if (begin >= end) return SCP_OK;
    bool load = scp_stream_any(s, begin - o->first, end - o->first);
    SCP_TRY(reserve(s, b, &s->thread[thread]));
    SCP_TRY(load_rows(s, &s->thread[thread], i, begin, end, load));
    if (load) SCP_TRY(give_rows(s, thread, begin, end));
    return SCP_OK;
}

scp_status scp_stream_dense(scp_stream *s)
{
    blocks b = make_blocks(s);
    size_t chunks = (s->o->first + s->o->n - 1) / s->dense.chunk[0] - b.first_chunk + 1;
    SCP_TRY(scp_stream_share(s, chunks * b.per_chunk, one_block, &b));
    return SCP_OK;
}

size_t scp_stream_dense_bytes(const scp_stream *s)
{
    scp_stream copy = *s;
    blocks b = make_blocks(&copy);
    return (size_t)s->o->threads *
           (scp_h5_decoder_bytes(&s->dense) + b.step * s->m->n_cols * sizeof(float) +
            room(s) * (sizeof(int32_t) + sizeof(float)));
}
