/* See h5_sound.h. */
#include "io/h5_sound.h"

#include "io/h5_chunk.h"

static bool plain_integer(hid_t type)
{
    size_t size = H5Tget_size(type);
    return (size == 1 || size == 2 || size == 4 || size == 8) &&
           H5Tget_precision(type) == 8 * size && H5Tget_offset(type) == 0;
}

static bool ieee_real(hid_t type)
{
    static const struct {
        size_t size, exponent, mantissa, bias;
    } known[] = { { 2, 5, 10, 15 }, { 4, 8, 23, 127 }, { 8, 11, 52, 1023 } };
    size_t size = H5Tget_size(type), sign = 0, epos = 0, esize = 0, mpos = 0, msize = 0;
    if (H5Tget_fields(type, &sign, &epos, &esize, &mpos, &msize) < 0) return false;
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (size == known[i].size)
            return esize == known[i].exponent && msize == known[i].mantissa && mpos == 0 &&
                   epos == msize && sign == 8 * size - 1 && H5Tget_ebias(type) == known[i].bias &&
                   H5Tget_norm(type) == H5T_NORM_IMPLIED && H5Tget_precision(type) == 8 * size &&
                   H5Tget_offset(type) == 0;
    return false;
}

scp_status scp_h5_check_type(hid_t type, const char *where)
{
    H5T_class_t class = H5Tget_class(type);
    bool fine = true;
    if (class == H5T_ENUM) {
        hid_t base = H5Tget_super(type);
        fine = base >= 0 && plain_integer(base);
        if (base >= 0) H5Tclose(base);
    } else if (class == H5T_INTEGER) {
        fine = plain_integer(type);
    } else if (class == H5T_FLOAT) {
        fine = ieee_real(type);
    }
    H5Eclear2(H5E_DEFAULT);
    if (!fine)
        SCP_FAIL(SCP_EDATA,
                 "%s: numbers of an unusual kind (%zu bytes); integers of 1, 2, 4 or 8 bytes and "
                 "IEEE reals are understood: the file is damaged, or convert it",
                 where, H5Tget_size(type));
    return SCP_OK;
}

/* Length and chunk length of a chunked dataset of one dimension; chunk 0: it is not one. */
static void chunk_length(hid_t dset, hsize_t *n, hsize_t *chunk)
{
    hid_t dcpl = H5Dget_create_plist(dset), space = H5Dget_space(dset);
    *n = *chunk = 0;
    if (dcpl >= 0 && space >= 0 && H5Pget_layout(dcpl) == H5D_CHUNKED &&
        H5Sget_simple_extent_ndims(space) == 1 && H5Pget_chunk(dcpl, 1, chunk) == 1)
        H5Sget_simple_extent_dims(space, n, NULL);
    if (space >= 0) H5Sclose(space);
    if (dcpl >= 0) H5Pclose(dcpl);
}

scp_status scp_h5_check_chunks(hid_t dset, const char *where)
{
    hsize_t n, chunk, missing = 0, first = 0;
    chunk_length(dset, &n, &chunk);
    for (hsize_t at = 0; chunk > 0 && at < n; at += chunk) {
        hsize_t bytes = 0;
        if (H5Dget_chunk_storage_size(dset, &at, &bytes) >= 0 && bytes > 0) continue;
        if (missing++ == 0) first = at;
    }
    H5Eclear2(H5E_DEFAULT);
    if (missing > 0)
        SCP_FAIL(SCP_EDATA,
                 "%s: elements from %llu on are not in the file (%llu missing chunks): it is "
                 "damaged, or was never written to its end; fetch or write it again",
                 where, (unsigned long long)first, (unsigned long long)missing);
    return SCP_OK;
}

static scp_status unpack_all(const scp_h5_chunks *c)
{
    scp_status st = SCP_OK;
    scp_h5_decoder d = { 0 };
    const void *elements;
    for (size_t k = 0; k < c->count[0] * c->count[1]; k++) {
        SCP_GOTO(done, scp_h5_chunk_fetch(c, k / c->count[1], k % c->count[1], &d));
        SCP_GOTO(done, scp_h5_chunk_decode(c, k / c->count[1], k % c->count[1], &d, &elements));
    }
done:
    scp_h5_decoder_fini(&d);
    return st;
}

scp_status scp_h5_check_stored(hid_t dset, const char *where)
{
    pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* nobody else is here */
    scp_h5_chunks c;
    hid_t type = H5Dget_type(dset);
    H5T_class_t class = type >= 0 ? H5Tget_class(type) : H5T_NO_CLASS;
    size_t bytes = type >= 0 ? H5Tget_size(type) : 0;
    bool plain = class == H5T_INTEGER || class == H5T_FLOAT || class == H5T_ENUM ||
                 (class == H5T_STRING && H5Tis_variable_str(type) == 0);
    if (type >= 0) H5Tclose(type);
    H5Eclear2(H5E_DEFAULT);
    if (!plain) return scp_h5_check_chunks(dset, where);
    SCP_TRY(scp_h5_chunks_open_bytes(dset, bytes, &lock, &c));
    if (c.store == SCP_H5_STORED_CHUNKS) SCP_TRY(unpack_all(&c));
    return SCP_OK;
}
