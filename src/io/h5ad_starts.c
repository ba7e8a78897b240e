/* See h5ad_starts.h. */
#include "io/h5ad_starts.h"

#include <pthread.h>

#include "base/mem.h"
#include "io/h5_chunk.h"
#include "io/h5_slab.h"

struct scp_starts {
    hid_t dset;
    pthread_mutex_t lock; /* nobody else asks for it: threads read other datasets at other times */
    scp_h5_chunks chunks;
    scp_h5_decoder decoder;
};

scp_status scp_starts_open(hid_t indptr, scp_starts **out)
{
    scp_status st = SCP_OK;
    scp_starts *s = NULL;
    *out = NULL;
    SCP_TRY(scp_alloc(1, sizeof *s, &s));
    s->dset = indptr;
    pthread_mutex_init(&s->lock, NULL);
    SCP_GOTO(done, scp_h5_chunks_open(indptr, true, &s->lock, &s->chunks));
    *out = s;
    return SCP_OK;
done:
    scp_starts_close(&s);
    return st;
}

void scp_starts_close(scp_starts **s)
{
    if (!s || !*s) return;
    scp_h5_decoder_fini(&(*s)->decoder);
    pthread_mutex_destroy(&(*s)->lock);
    free(*s);
    *s = NULL;
}

size_t scp_starts_bytes(const scp_starts *s)
{
    return sizeof *s + scp_h5_decoder_bytes(&s->chunks);
}

#define WIDEN(TYPE)                                                                                \
    for (size_t i = 0; i < n; i++) to[i] = (int64_t)((const TYPE *)from)[i]

static void widen(scp_h5_number type, const void *from, size_t n, int64_t *to)
{
    switch (type) {
    case SCP_H5_U1:
        WIDEN(uint8_t);
        break;
    case SCP_H5_U2:
        WIDEN(uint16_t);
        break;
    case SCP_H5_U4:
        WIDEN(uint32_t);
        break;
    case SCP_H5_I1:
        WIDEN(int8_t);
        break;
    case SCP_H5_I2:
        WIDEN(int16_t);
        break;
    case SCP_H5_I4:
        WIDEN(int32_t);
        break;
    default: /* one of 2^63 and more becomes negative, and is refused like it */
        WIDEN(int64_t);
    }
}

scp_status scp_starts_read(scp_starts *s, size_t first, size_t n, int64_t *to)
{
    const scp_h5_chunks *c = &s->chunks;
    if (c->store != SCP_H5_STORED_CHUNKS)
        return scp_h5_read_slab(s->dset, H5T_NATIVE_INT64, first, n, to);
    for (size_t at = first, end = first + n; at < end;) {
        const size_t i = at / c->chunk[0], skip = at - i * c->chunk[0];
        const size_t left = c->chunk[0] - skip, some = end - at < left ? end - at : left;
        const void *elements = NULL;
        SCP_TRY(scp_h5_chunk_fetch(c, i, 0, &s->decoder));
        SCP_TRY(scp_h5_chunk_decode(c, i, 0, &s->decoder, &elements));
        widen(c->type, (const char *)elements + skip * scp_h5_number_bytes(c->type), some,
              to + (at - first));
        at += some;
    }
    return SCP_OK;
}
