/* Runs of entries, see h5ad_entries.h. */
#include "io/h5ad_entries.h"

#include "base/mem.h"

enum {
    LEAST_RUN = 1 << 15, /* entries: a run is not shorter, whatever the chunks                 */
    MOST_RUN = 1 << 20,  /* nor longer, unless a chunk is                                      */
    ODD_RUN = 1 << 19    /* about so long where lengths do not fit: its ends are inflated twice */
};

static size_t common_multiple(size_t a, size_t b)
{
    size_t x = a, y = b;
    while (y) {
        size_t rest = x % y;
        x = y;
        y = rest;
    }
    return a / x > SIZE_MAX / b ? SIZE_MAX : a / x * b;
}

static size_t run_length(size_t a, size_t b)
{
    size_t longer = a > b ? a : b, run = common_multiple(a, b);
    if (run > longer && run > MOST_RUN) /* no common border within reach */
        run = longer > ODD_RUN ? longer : ODD_RUN / longer * longer;
    return run >= LEAST_RUN ? run : (LEAST_RUN + run - 1) / run * run;
}

scp_status scp_entries_open(const scp_matrix *m, pthread_mutex_t *lock, scp_entries *e)
{
    SCP_TRY(scp_h5_chunks_open(m->data, false, lock, &e->data));
    SCP_TRY(scp_h5_chunks_open(m->indices, true, lock, &e->indices));
    e->n = m->nnz;
    e->run = run_length(e->data.chunk[0], e->indices.chunk[0]);
    e->limit = m->kind == SCP_H5AD_CSR ? m->n_cols : m->n_rows;
    return SCP_OK;
}

/* Entries of the longest run. */
static size_t most_entries(const scp_entries *e)
{
    return e->run < e->n ? e->run : e->n;
}

size_t scp_entry_buffer_bytes(const scp_entries *e)
{
    size_t a = scp_h5_decoder_bytes(&e->data), b = scp_h5_decoder_bytes(&e->indices);
    return most_entries(e) * (sizeof(int32_t) + sizeof(float)) + (a > b ? a : b);
}

void scp_entry_buffer_fini(scp_entry_buffer *b)
{
    scp_h5_decoder_fini(&b->decoder);
    free(b->index);
    free(b->value);
    *b = (scp_entry_buffer){ 0 };
}

/* ---- loading ---- */

typedef struct target {
    int32_t *index; /* one of the two */
    float *value;
    size_t limit;
} target;

static bool convert(const scp_h5_chunks *c, const void *elements, size_t skip, size_t n,
                    const target *to, size_t at)
{
    const void *from = (const uint8_t *)elements + skip * scp_h5_number_bytes(c->type);
    if (to->index) return scp_h5_to_index(c->type, from, n, to->limit, to->index + at);
    return scp_h5_to_float(c->type, from, n, to->value + at);
}

/* Entries [begin, end) of one dataset; *good: all of them are. */
static scp_status load_part(const scp_h5_chunks *c, size_t begin, size_t end, const target *to,
                            scp_entry_buffer *b, bool *good)
{
    size_t length = c->chunk[0];
    *good = true;
    for (size_t i = begin / length; begin < end && i * length < end; i++) {
        size_t from = i * length < begin ? begin : i * length;
        size_t till = end - i * length < length ? end : (i + 1) * length;
        const void *elements = NULL;
        SCP_TRY(scp_h5_chunk_fetch(c, i, 0, &b->decoder));
        if (b->hash && from == i * length) b->digest += scp_h5_chunk_digest(c, i, 0, &b->decoder);
        SCP_TRY(scp_h5_chunk_decode(c, i, 0, &b->decoder, &elements));
        *good &= convert(c, elements, from - i * length, till - from, to, from - begin);
    }
    return SCP_OK;
}

scp_status scp_entries_load(const scp_entries *e, size_t begin, size_t end, bool values,
                            scp_entry_buffer *b)
{
    if (!b->index) SCP_TRY(scp_alloc(most_entries(e), sizeof *b->index, &b->index));
    target to = { .index = b->index, .limit = e->limit };
    SCP_TRY(load_part(&e->indices, begin, end, &to, b, &b->good_index));
    b->good_value = true;
    if (!values) return SCP_OK;
    if (!b->value) SCP_TRY(scp_alloc(most_entries(e), sizeof *b->value, &b->value));
    to = (target){ .value = b->value };
    SCP_TRY(load_part(&e->data, begin, end, &to, b, &b->good_value));
    return SCP_OK;
}

static scp_status hash_part(const scp_h5_chunks *c, size_t begin, size_t end, scp_entry_buffer *b)
{
    size_t length = c->chunk[0];
    for (size_t i = begin / length + (begin % length != 0); i * length < end; i++) {
        SCP_TRY(scp_h5_chunk_fetch(c, i, 0, &b->decoder));
        b->digest += scp_h5_chunk_digest(c, i, 0, &b->decoder);
    }
    return SCP_OK;
}

scp_status scp_entries_hash(const scp_entries *e, size_t begin, size_t end, scp_entry_buffer *b)
{
    SCP_TRY(hash_part(&e->indices, begin, end, b));
    SCP_TRY(hash_part(&e->data, begin, end, b));
    return SCP_OK;
}
