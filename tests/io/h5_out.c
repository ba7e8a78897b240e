/* Datasets in chunks packed outside HDF5: HDF5's own filters read back what was given, for every
 * type, layout and kind of data; the bytes depend on neither threads nor pieces. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "base/mem.h"
#include "base/rng.h"
#include "io/h5_out.h"
#include "tap.h"

enum { N = 5000, ODD_CHUNK = 777 };

static const char *in_folder(const char *name)
{
    static char path[2][SCP_PATH_MAX];
    static int turn;
    turn = !turn;
    if (scp_fs_join(path[turn], sizeof path[turn], tap_tmpdir(), name) != SCP_OK) exit(1);
    return path[turn];
}

/* Write n entries of `row` elements in pieces of 1, 2, 4, ... (or whole), close the file. */
static scp_status write_file(const char *path, hid_t type, size_t row, const scp_h5_layout *layout,
                             int threads, bool whole, const void *x, size_t n)
{
    scp_status st = SCP_OK;
    scp_h5_out *o = NULL;
    hid_t file = H5I_INVALID_HID;
    size_t dims[2] = { layout->grows ? 0 : n, row }, width = H5Tget_size(type) * row;
    SCP_GOTO(done, scp_h5_create(path, &file));
    SCP_GOTO(done, scp_h5_out_create(file, "x", type, row == 1 ? 1 : 2, dims, layout, threads, &o));
    for (size_t at = 0, piece = whole ? n : 1; at < n; at += piece, piece *= 2) {
        if (piece > n - at) piece = n - at;
        SCP_GOTO(done, scp_h5_out_append(o, piece, (const char *)x + at * width));
    }
    SCP_GOTO(done, scp_h5_out_close(&o));
done:
    scp_h5_out_drop(&o);
    SCP_KEEP(st, scp_h5_close(&file));
    return st;
}

static bool comes_back(const char *path, hid_t type, size_t row, const void *x, size_t n)
{
    size_t dims[2] = { n, row }, bytes = n * row * H5Tget_size(type);
    void *got = NULL;
    hid_t file = H5I_INVALID_HID;
    bool same = scp_alloc(bytes, 1, &got) == SCP_OK && scp_h5_open(path, &file) == SCP_OK &&
                scp_h5_read(file, "x", type, row == 1 ? 1 : 2, dims, got) == SCP_OK &&
                memcmp(got, x, bytes) == 0;
    if (!same) tap_diag("%s", scp_err_message());
    free(got);
    if (scp_h5_close(&file) != SCP_OK) same = false;
    return same;
}

static bool same_bytes(const char *a, const char *b)
{
    char *x = NULL, *y = NULL;
    size_t n = 0, m = 1;
    bool same = scp_fs_read_text(a, &x, &n) == SCP_OK && scp_fs_read_text(b, &y, &m) == SCP_OK &&
                n == m && memcmp(x, y, n) == 0;
    free(x);
    free(y);
    return same;
}

/* Words of a kind: sorted rows, random, few bits, equal, single bits, ones from below, rare bytes.
 */
enum { KINDS = 7 };
static uint64_t word_of(int kind, size_t i)
{
    uint64_t r = scp_rng_below(5, SCP_RNG_INIT, (uint64_t)kind, i, 0, UINT64_MAX);
    uint64_t s = scp_rng_below(5, SCP_RNG_INIT, (uint64_t)kind, i, 2, 64);
    switch (kind) {
    case 0:
        return i % 1400 * 45 + r % 45;
    case 1:
        return r;
    case 2:
        return r >> s;
    case 3:
        return 42;
    case 4:
        return UINT64_C(1) << s;
    case 5:
        return UINT64_MAX >> s;
    default: /* byte b with a frequency of about 2^-b: longer codes than deflate allows */
        return (uint64_t)(r ? __builtin_clzll(r) : 64) * UINT64_C(0x0101010101010101);
    }
}

static void check(const char *what, hid_t type, size_t row, scp_h5_layout layout, const void *x,
                  size_t n)
{
    bool good = tap_st(write_file(in_folder("a.h5"), type, row, &layout, 1, true, x, n),
                       "%s: written", what) &&
                comes_back(in_folder("a.h5"), type, row, x, n);
    tap_ok(good, "%s: comes back", what);
    good = write_file(in_folder("b.h5"), type, row, &layout, 3, false, x, n) == SCP_OK &&
           same_bytes(in_folder("a.h5"), in_folder("b.h5"));
    tap_ok(good, "%s: the same bytes from three threads and in pieces", what);
}

/* The coders of sparse matrices, on what they are made for and on anything else. */
static void test_sparse(void)
{
    static const size_t sizes[] = { 1, 2, 3, 5, 63, 64, 65, ODD_CHUNK, N };
    static uint64_t x[N];
    static uint32_t y[N];
    char what[64];
    for (int kind = 0; kind < KINDS; kind++) {
        for (size_t i = 0; i < N; i++) {
            x[i] = word_of(kind, i);
            y[i] = (uint32_t)(x[i] ^ x[i] >> 32);
        }
        for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
            scp_h5_layout layout = { .chunk = { ODD_CHUNK }, .deflate = 1, .sparse = true };
            snprintf(what, sizeof what, "%zu columns of kind %d", sizes[k], kind);
            check(what, H5T_NATIVE_UINT64, 1, layout, x, sizes[k]);
            snprintf(what, sizeof what, "%zu values of kind %d", sizes[k], kind);
            check(what, H5T_NATIVE_UINT32, 1, layout, y, sizes[k]);
        }
    }
}

/* Counts as a cell has them, in one chunk beyond the window of deflate: every distance and length.
 */
static void test_counts(void)
{
    enum { MANY = 60000 };
    static float x[MANY];
    for (size_t i = 0; i < MANY; i++) {
        uint64_t r = scp_rng_below(5, SCP_RNG_INIT, 99, i, 0, UINT64_MAX);
        x[i] = i > 40000 && i < 41000 ? 2.0f : 1.0f + (float)(r ? __builtin_ctzll(r) / 2 : 0);
    }
    scp_h5_layout layout = { .chunk = { MANY }, .deflate = 1, .sparse = true };
    check("counts", H5T_NATIVE_FLOAT, 1, layout, x, MANY);
}

/* The stored chunks of dataset x, one after the other. *bytes: free. */
static scp_status stored_chunks(const char *path, char **bytes, size_t *n)
{
    scp_status st = SCP_OK;
    hid_t file = H5I_INVALID_HID, dset = H5I_INVALID_HID, space = H5I_INVALID_HID;
    hsize_t chunks = 0, offset[1], size;
    size_t cap = 0;
    unsigned mask;
    haddr_t at;
    *bytes = NULL;
    *n = 0;
    SCP_GOTO(done, scp_h5_open(path, &file));
    SCP_GOTO(done, scp_h5_dataset_open(file, "x", &dset));
    SCP_H5ID_GOTO(done, space, H5Dget_space(dset));
    SCP_H5_GOTO(done, H5Dget_num_chunks(dset, space, &chunks));
    for (hsize_t k = 0; k < chunks; k++) {
        SCP_H5_GOTO(done, H5Dget_chunk_info(dset, space, k, offset, &mask, &at, &size));
        SCP_GOTO(done, scp_grow(bytes, &cap, *n + size, 1));
        SCP_H5_GOTO(done, H5Dread_chunk(dset, H5P_DEFAULT, offset, &mask, *bytes + *n));
        *n += size;
    }
done:
    if (space >= 0) H5Sclose(space);
    if (dset >= 0) H5Dclose(dset);
    SCP_KEEP(st, scp_h5_close(&file));
    return st;
}

/* From level 2 on X is packed as HDF5 itself would, and so as by h5py and anndata. */
static void test_as_hdf5(void)
{
    static int64_t x[N];
    size_t n = N, n_ours = 0, n_theirs = 1;
    for (size_t i = 0; i < N; i++) x[i] = (int64_t)word_of(0, i);
    for (int level = 2; level <= 9; level++) {
        scp_h5_layout layout = { .chunk = { ODD_CHUNK }, .deflate = level, .sparse = true };
        char *ours = NULL, *theirs = NULL, what[64];
        hid_t file;
        snprintf(what, sizeof what, "columns, level %d", level);
        check(what, H5T_NATIVE_INT64, 1, layout, x, N);
        bool fine = scp_h5_create(in_folder("h.h5"), &file) == SCP_OK &&
                    scp_h5_write(file, "x", H5T_NATIVE_INT64, 1, &n, &layout, x) == SCP_OK &&
                    scp_h5_close(&file) == SCP_OK &&
                    stored_chunks(in_folder("a.h5"), &ours, &n_ours) == SCP_OK &&
                    stored_chunks(in_folder("h.h5"), &theirs, &n_theirs) == SCP_OK;
        tap_ok(fine && n_ours == n_theirs && n_ours > 0 && memcmp(ours, theirs, n_ours) == 0,
               "level %d: the stored bytes are those of HDF5's own filter", level);
        free(ours);
        free(theirs);
    }
}

static void test_layouts(void)
{
    static float x[N];
    char what[64];
    for (size_t i = 0; i < N; i++) x[i] = (float)(word_of(2, i) % 9) * 0.5f;
    for (int k = 0; k < 8; k++) {
        bool two = k & 4;
        scp_h5_layout layout = { .chunk = { two ? 33 : ODD_CHUNK },
                                 .shuffle = k & 1,
                                 .deflate = k & 2 ? 4 : 0,
                                 .grows = k == 3 };
        snprintf(what, sizeof what, "floats, %s%sdeflate %d%s", two ? "two dimensions, " : "",
                 layout.shuffle ? "shuffle, " : "", layout.deflate,
                 layout.grows ? ", growing" : "");
        check(what, H5T_NATIVE_FLOAT, two ? 25 : 1, layout, x, two ? N / 25 : N);
    }
    scp_h5_layout empty = { .chunk = { 5 }, .deflate = 1 };
    check("nothing", H5T_NATIVE_FLOAT, 1, empty, x, 0);
    empty.grows = true;
    check("nothing that could grow", H5T_NATIVE_FLOAT, 1, empty, x, 0);
}

static void test_mistakes(void)
{
    const scp_h5_layout layout = { .chunk = { 4 }, .deflate = 1 };
    const float x[8] = { 1 };
    size_t dims[1] = { 6 };
    scp_h5_out *o = NULL;
    hid_t file = H5I_INVALID_HID;
    if (!tap_st(scp_h5_create(in_folder("m.h5"), &file), "a file") ||
        !tap_st(scp_h5_out_create(file, "x", H5T_NATIVE_FLOAT, 1, dims, &layout, 2, &o),
                "a dataset"))
        return;
    tap_st(scp_h5_out_append(o, 5, x), "five entries of six");
    tap_fails(scp_h5_out_append(o, 2, x), SCP_EINTERNAL, "2 entries on top of 5", "one too many");
    tap_fails(scp_h5_out_packed(o, x, 8), SCP_EINTERNAL, "packed chunk after",
              "a chunk amid another");
    tap_fails(scp_h5_out_close(&o), SCP_EINTERNAL, "5 of 6", "one too few");
    tap_ok(!o, "closed in any case");
    if (scp_h5_close(&file) != SCP_OK) exit(1);
}

int main(void)
{
    if (scp_h5_init() != SCP_OK) return 1;
    test_sparse();
    test_counts();
    test_as_hdf5();
    test_layouts();
    test_mistakes();
    return tap_done();
}
