/* Rows of a matrix in blocks, in order, on one thread. */
#include "io/h5ad_stream.h"

#include "base/hash.h"
#include "base/mem.h"

enum { BLOCK_ROWS = 1024 };

static bool wanted(const scp_h5ad_stream_options *o, size_t i)
{
    return !o->slot || (o->slot[i] >= o->slot_begin && o->slot[i] < o->slot_end);
}

static uint64_t hash_rows(size_t first, const scp_h5ad_rows *r)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < r->n_rows; i++) {
        size_t at = (size_t)r->indptr[i], n = (size_t)r->indptr[i + 1] - at;
        sum += scp_hash_bytes(r->value + at, n * sizeof *r->value,
                              scp_hash_bytes(r->column + at, n * sizeof *r->column, first + i));
    }
    return sum;
}

scp_status scp_h5ad_stream(scp_h5ad *f, const scp_h5ad_stream_options *o, scp_h5ad_block_fn fn,
                           void *ctx, uint64_t *digest)
{
    SCP_ARG(f && o && fn && o->threads >= 1, "reader, options and a function are required");
    scp_status st = SCP_OK;
    scp_h5ad_rows rows = { 0 };
    size_t row[BLOCK_ROWS];
    uint64_t sum = 0;
    for (size_t at = 0, n; at < o->n; at += n) {
        bool any = false;
        n = o->n - at < BLOCK_ROWS ? o->n - at : BLOCK_ROWS;
        for (size_t i = 0; i < n; i++) {
            row[i] = o->first + at + i;
            any |= wanted(o, at + i);
        }
        if (!any && !digest) continue;
        SCP_GOTO(done, scp_h5ad_read_rows(f, o->first + at, n, &rows));
        if (digest) sum += hash_rows(o->first + at, &rows);
        if (any) SCP_GOTO(done, fn(ctx, 0, row, &rows));
    }
    if (digest) *digest = sum;
done:
    scp_h5ad_rows_fini(&rows);
    return st;
}

size_t scp_h5ad_stream_memory(scp_h5ad *f, const scp_h5ad_stream_options *o)
{
    (void)o;
    return BLOCK_ROWS * (scp_h5ad_n_vars(f) * 8 + sizeof(int64_t));
}

size_t scp_h5ad_stream_cut(scp_h5ad *f, size_t first, size_t n, int part, int parts)
{
    (void)f;
    return first + n / (size_t)parts * (size_t)part +
           n % (size_t)parts * (size_t)part / (size_t)parts;
}
