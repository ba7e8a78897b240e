/* Stored chunks against HDF5's own reading: every type, filter and layout, edges, chunks without
 * their filters; and chunks that must be refused. */
#include "io/h5_chunk.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "stored.h"
#include "tap.h"

static char path[SCP_PATH_MAX];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* Chunk (i, j) as floats, or as integers: its part inside the dataset to where it belongs in `to`
 * [dims]. */
static bool place(const scp_h5_chunks *c, bool integer, size_t i, size_t j, const void *from,
                  void *to)
{
    size_t bytes = scp_h5_number_bytes(c->type), width = c->dims[1];
    size_t n = width - j * c->chunk[1] < c->chunk[1] ? width - j * c->chunk[1] : c->chunk[1];
    bool fine = true;
    for (size_t r = 0; r < c->chunk[0] && i * c->chunk[0] + r < c->dims[0]; r++) {
        const uint8_t *row = (const uint8_t *)from + r * c->chunk[1] * bytes;
        size_t at = (i * c->chunk[0] + r) * width + j * c->chunk[1];
        if (integer)
            fine &= scp_h5_to_index(c->type, row, n, INT32_MAX, (int32_t *)to + at);
        else
            fine &= scp_h5_to_float(c->type, row, n, (float *)to + at);
    }
    return fine;
}

static scp_status read_all(const scp_h5_chunks *c, bool integer, void *to, uint64_t *digest)
{
    scp_status st = SCP_OK;
    scp_h5_decoder d = { 0 };
    *digest = 0;
    for (size_t i = 0; i < c->count[0]; i++)
        for (size_t j = 0; j < c->count[1]; j++) {
            const void *elements = NULL;
            SCP_GOTO(done, scp_h5_chunk_fetch(c, i, j, &d));
            *digest += scp_h5_chunk_digest(c, i, j, &d);
            SCP_GOTO(done, scp_h5_chunk_decode(c, i, j, &d, &elements));
            place(c, integer, i, j, elements, to);
        }
    tap_ok(d.cap_stored + d.cap_packed + d.cap_shuffled <= scp_h5_decoder_bytes(c),
           "%s: not more memory than announced", strrchr(c->where, '/'));
done:
    scp_h5_decoder_fini(&d);
    return st;
}

static void check_dataset(hid_t file, const char *name, bool integer, int store)
{
    scp_h5_chunks c;
    hid_t dset = H5Dopen2(file, name, H5P_DEFAULT);
    uint64_t digest = 0, other = 0;
    scp_status st = scp_h5_chunks_open(dset, integer, &lock, &c);
    size_t n = c.dims[0] * c.dims[1];
    uint8_t *got = calloc(n + 1, 4), *want = calloc(n + 1, 4);
    if (st == SCP_OK) st = read_all(&c, integer, got, &digest);
    H5Dread(dset, integer ? H5T_NATIVE_INT32 : H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT,
            want);
    tap_st(st, "%s: read", name);
    tap_ok((int)c.store == store && memcmp(got, want, n * 4) == 0,
           "%s: %zu chunks are what HDF5 reads (%s)", name, c.count[0] * c.count[1],
           store == SCP_H5_STORED_CHUNKS ? "from chunks"
           : store == SCP_H5_CONVERTED   ? "by HDF5"
                                         : "contiguous");
    c.seed++; /* a dataset of another name */
    tap_st(read_all(&c, integer, got, &other), "%s: read again", name);
    tap_ok(n == 0 || other != digest, "%s: the name is part of the digest", name);
    free(got);
    free(want);
    H5Dclose(dset);
}

typedef struct given {
    const char *name;
    stored as;
    int store; /* scp_h5_store */
    bool integer;
} given;

static void against_hdf5(void)
{
    enum { CHUNKS = SCP_H5_STORED_CHUNKS, WHOLE = SCP_H5_STORED_WHOLE, HDF5 = SCP_H5_CONVERTED };
    const given all[] = {
        { "u1", { H5T_STD_U8LE, { 16, 5 }, STORED_DEFLATE }, CHUNKS, true },
        { "u2", { H5T_STD_U16LE, { 16, 5 }, STORED_DEFLATE | STORED_SHUFFLE }, CHUNKS, true },
        { "u4", { H5T_STD_U32LE, { 16, 5 }, STORED_SHUFFLE }, CHUNKS, true },
        { "u8", { H5T_STD_U64LE, { 16, 5 }, STORED_DEFLATE | STORED_SHUFFLE }, CHUNKS, true },
        { "i1", { H5T_STD_I8LE, { 16, 5 }, STORED_DEFLATE | STORED_SHUFFLE }, CHUNKS, true },
        { "i2", { H5T_STD_I16LE, { 16, 5 }, STORED_LZF }, CHUNKS, true },
        { "i4", { H5T_STD_I32LE, { 16, 5 }, STORED_LZF | STORED_SHUFFLE }, CHUNKS, true },
        { "i8", { H5T_STD_I64LE, { 16, 5 }, 0 }, CHUNKS, true },
        { "f4", { H5T_IEEE_F32LE, { 16, 5 }, STORED_DEFLATE | STORED_SHUFFLE }, CHUNKS, false },
        { "f8", { H5T_IEEE_F64LE, { 16, 5 }, STORED_DEFLATE }, CHUNKS, false },
        { "real u8", { H5T_STD_U64LE, { 16, 5 }, STORED_DEFLATE }, CHUNKS, false },
        { "masked",
          { H5T_STD_I32LE, { 9, 4 }, STORED_LZF | STORED_SHUFFLE | STORED_PART_MASKED },
          CHUNKS,
          true },
        { "grows", { H5T_STD_I32LE, { 64, 5 }, STORED_DEFLATE | STORED_GROWS }, CHUNKS, true },
        { "contiguous", { H5T_STD_I16LE, { 0 }, 0 }, WHOLE, true },
        { "compact", { H5T_IEEE_F32LE, { 0 }, STORED_COMPACT }, HDF5, false },
        { "big-endian", { H5T_STD_I32BE, { 16, 5 }, STORED_DEFLATE }, HDF5, true },
        { "real big-endian", { H5T_IEEE_F64BE, { 0 }, 0 }, HDF5, false },
        { "fletcher", { H5T_STD_I32LE, { 16, 5 }, STORED_DEFLATE | STORED_FLETCHER }, HDF5, true },
    };
    enum { ROWS = 50, COLUMNS = 23 };
    const size_t two[2] = { ROWS, COLUMNS }, one = ROWS * COLUMNS;
    double x[ROWS * COLUMNS];
    char name[2][64];
    for (int user = 0; user < 2; user++) {
        hid_t file = H5I_INVALID_HID;
        tap_st(scp_h5_create_after(path, user ? 512 : 0, &file), "file made");
        for (size_t k = 0; k < sizeof all / sizeof all[0]; k++) {
            for (size_t e = 0; e < one; e++) x[e] = (double)((e * 37 + e / 31) % 127);
            for (size_t e = 0; e < one && strstr(all[k].name, "f8"); e++) x[e] /= 7;
            snprintf(name[0], sizeof name[0], "%s by rows", all[k].name);
            snprintf(name[1], sizeof name[1], "%s in a row", all[k].name);
            scp_status st = stored_write(file, name[0], &all[k].as, 2, two, x);
            SCP_KEEP(st, stored_write(file, name[1], &all[k].as, 1, &one, x));
            if (st != SCP_OK) tap_st(st, "%s written", all[k].name);
        }
        tap_st(scp_h5_close(&file), "closed");
        tap_st(scp_h5_open(path, &file), "opened");
        for (size_t k = 0; k < sizeof all / sizeof all[0]; k++) {
            bool moved = user && all[k].store == SCP_H5_STORED_WHOLE;
            snprintf(name[0], sizeof name[0], "%s by rows", all[k].name);
            snprintf(name[1], sizeof name[1], "%s in a row", all[k].name);
            for (int d = 0; d < 2; d++)
                check_dataset(file, name[d], all[k].integer,
                              moved ? SCP_H5_CONVERTED : all[k].store);
        }
        tap_st(scp_h5_close(&file), "closed");
    }
}

/* Fetching and decoding a chunk of "x". */
static scp_status one_chunk(size_t i, bool integer)
{
    hid_t file = H5I_INVALID_HID, dset = H5I_INVALID_HID;
    scp_h5_chunks c;
    scp_h5_decoder d = { 0 };
    const void *elements;
    scp_status st = SCP_OK;
    SCP_GOTO(done, scp_h5_open(path, &file));
    SCP_H5ID_GOTO(done, dset, H5Dopen2(file, "x", H5P_DEFAULT));
    SCP_GOTO(done, scp_h5_chunks_open(dset, integer, &lock, &c));
    SCP_GOTO(done, scp_h5_chunk_fetch(&c, i, 0, &d));
    SCP_GOTO(done, scp_h5_chunk_decode(&c, i, 0, &d, &elements));
done:
    scp_h5_decoder_fini(&d);
    if (dset >= 0) H5Dclose(dset);
    SCP_KEEP(st, scp_h5_close(&file));
    return st;
}

/* "x" anew, its chunk 1 replaced by these bytes. */
static void replace(unsigned how, uint32_t mask, const void *bytes, size_t n)
{
    const stored as = { H5T_STD_I32LE, { 100 }, how };
    const size_t length = 250;
    const hsize_t at = 100;
    double x[250];
    hid_t file = H5I_INVALID_HID;
    for (size_t i = 0; i < length; i++) x[i] = (double)(i * i % 91);
    scp_status st = scp_h5_create(path, &file);
    SCP_KEEP(st, stored_write(file, "x", &as, 1, &length, x));
    hid_t dset = H5Dopen2(file, "x", H5P_DEFAULT);
    tap_ok(st == SCP_OK && H5Dwrite_chunk(dset, H5P_DEFAULT, mask, &at, n, bytes) >= 0,
           "a chunk of %zu bytes", n);
    H5Dclose(dset);
    tap_st(scp_h5_close(&file), "closed");
}

/* Chunk 1 of three is not written. */
static void hole(void)
{
    hid_t file = H5I_INVALID_HID, dset = H5I_INVALID_HID;
    const scp_h5_layout layout = { .chunk = { 100 }, .deflate = 4 };
    const size_t length = 250;
    int32_t x[100] = { 0 };
    scp_status st = scp_h5_create(path, &file);
    SCP_KEEP(st, scp_h5_dataset_create(file, "x", H5T_STD_I32LE, 1, &length, &layout, &dset));
    SCP_KEEP(st, scp_h5_write_slab(dset, H5T_NATIVE_INT32, 0, 100, x));
    SCP_KEEP(st, scp_h5_write_slab(dset, H5T_NATIVE_INT32, 200, 50, x));
    H5Dclose(dset);
    SCP_KEEP(st, scp_h5_close(&file));
    tap_st(st, "a dataset with a hole");
    tap_st(one_chunk(2, true), "the chunk behind it");
    tap_fails(one_chunk(1, true), SCP_EDATA, "x: chunk 1 is damaged: it is not in the file",
              "a hole is damage");
}

static void refused(void)
{
    uint8_t zero[4000] = { 0 };
    const uint8_t empty[] = { 0x78, 0x9c, 3, 0, 0, 0, 0, 1 }; /* zlib's stream of nothing */
    replace(STORED_DEFLATE, 0, zero, 60);
    tap_fails(one_chunk(1, true), SCP_EDATA, "x: chunk 1 is damaged: it does not unpack",
              "bytes that are no zlib stream");
    replace(STORED_DEFLATE, 0, empty, sizeof empty);
    tap_fails(one_chunk(1, true), SCP_EDATA, "it does not unpack", "a stream that is too short");
    replace(STORED_DEFLATE, 1, zero, 400);
    tap_st(one_chunk(1, true), "a chunk that says it is not packed");
    replace(STORED_DEFLATE, 1, zero, 396);
    tap_fails(one_chunk(1, true), SCP_EDATA, "its length is not that of a chunk",
              "a chunk that is not packed, too short");
    replace(STORED_DEFLATE | STORED_SHUFFLE, 2, zero, 404);
    tap_fails(one_chunk(1, true), SCP_EDATA, "its length is not that of a chunk",
              "a shuffled chunk of another length");
    replace(STORED_LZF, 0, zero, 60);
    tap_fails(one_chunk(1, true), SCP_EDATA, "it does not unpack", "LZF literals that are too few");

    replace(STORED_DEFLATE, 1, zero, 400); /* at the end of chunk 0 is its checksum */
    uint64_t at = stored_offset(path, "x", 0), length = stored_length(path, "x", 0);
    tap_ok(at > 0 && stored_patch(path, at + length - 1, "?", 1), "the checksum of chunk 0");
    tap_fails(one_chunk(0, true), SCP_EDATA, "x: chunk 0 is damaged: it does not unpack",
              "a wrong checksum");
    replace(STORED_DEFLATE, 0, zero, 4000);
    tap_fails(one_chunk(1, true), SCP_EDATA, "it does not unpack", "ten times as many bytes");
    replace(0, 0, zero, 400);
    tap_st(one_chunk(1, true), "without filters");
    at = stored_offset(path, "x", 1);
    const uint64_t beyond = UINT64_C(1) << 40;
    tap_ok(stored_patch_at(path, &at, sizeof at, 0, &beyond, sizeof beyond), "moved");
    tap_fails(one_chunk(1, true), SCP_EDATA, "x: chunk 1 cannot be read",
              "a chunk beyond the end of the file");
    tap_fails(one_chunk(1, false), SCP_EDATA, "x: chunk 1 cannot be read", "as real numbers too");
}

/* Numbers at the ends of their ranges. */
static void conversions(void)
{
    const int64_t i8[] = { 0, 5, -1, 5000000000, -5000000000, INT64_MIN, INT32_MAX };
    const uint64_t u8[] = { 3, UINT64_MAX, UINT32_MAX, (uint64_t)1 << 32 };
    const double f8[] = { 1e39, -1e39, 1e-50, 0.1, (double)NAN };
    int32_t index[8];
    float value[8];
    tap_ok(scp_h5_to_index(SCP_H5_I8, i8, 2, 6, index) && index[1] == 5, "in range");
    tap_ok(!scp_h5_to_index(SCP_H5_I8, i8, 2, 5, index), "the limit is out of range");
    tap_ok(!scp_h5_to_index(SCP_H5_I8, i8, 7, 6, index) && index[2] == -1 &&
               index[3] == INT32_MAX && index[4] == INT32_MIN && index[5] == INT32_MIN &&
               index[6] == INT32_MAX,
           "64-bit integers are clipped");
    tap_ok(!scp_h5_to_index(SCP_H5_U8, u8, 4, 6, index) && index[0] == 3 && index[1] == INT32_MAX &&
               index[2] == INT32_MAX && index[3] == INT32_MAX,
           "unsigned ones too: 2^32 is not 0");
    tap_ok(!scp_h5_to_float(SCP_H5_F8, f8, 5, value) && isinf(value[0]) && isinf(value[1]) &&
               value[2] == 0 && value[3] == 0.1f && isnan(value[4]),
           "doubles are rounded, those beyond float infinite");
    tap_ok(scp_h5_to_float(SCP_H5_F8, f8 + 2, 2, value), "small ones are finite");
    tap_ok(!scp_h5_to_float(SCP_H5_F4, (float[]){ 1, (float)INFINITY }, 2, value), "infinity");
    tap_ok(scp_h5_to_float(SCP_H5_U8, u8, 2, value) && value[1] == 18446744073709551616.0f,
           "the largest integer is finite");
}

int main(void)
{
    tap_st(scp_fs_join(path, sizeof path, tap_tmpdir(), "t.h5"), "temporary name");
    tap_st(scp_h5_init(), "HDF5 starts");
    against_hdf5();
    hole();
    refused();
    conversions();
    return tap_done();
}
