/* Streams of rows against scp_h5ad_read_rows, entry by entry: every way of storing, 1 to 4 threads,
 * any cut into parts, wanted rows only, with one digest for all of them. What is refused, and
 * memory: h5ad_stream_bad.c. */
#include "io/h5ad_stream.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "base/mem.h"
#include "stored.h"
#include "tap.h"

enum { THREADS = 4 };

static char path[SCP_PATH_MAX];

/* ---- what a stream gives ---- */

typedef struct got_row {
    size_t n;
    int times;
    int32_t *column;
    float *value;
} got_row;

typedef struct got {
    pthread_mutex_t lock;
    size_t first, n, foreign; /* rows asked for; rows given that were not */
    got_row *row;             /* [n] */
} got;

static scp_status keep(void *ctx, int thread, const size_t *row, scp_h5ad_rows *rows)
{
    got *g = ctx;
    scp_status st = SCP_OK;
    (void)thread;
    pthread_mutex_lock(&g->lock);
    for (size_t i = 0; i < rows->n_rows; i++) {
        if (row[i] < g->first || row[i] - g->first >= g->n || (i > 0 && row[i] <= row[i - 1])) {
            g->foreign++;
            continue;
        }
        got_row *r = &g->row[row[i] - g->first];
        size_t at = (size_t)rows->indptr[i], n = (size_t)rows->indptr[i + 1] - at;
        if (r->times++ > 0) continue;
        r->n = n;
        SCP_GOTO(done, scp_alloc(n, sizeof *r->column, &r->column));
        SCP_GOTO(done, scp_alloc(n, sizeof *r->value, &r->value));
        memcpy(r->column, rows->column + at, n * sizeof *r->column);
        memcpy(r->value, rows->value + at, n * sizeof *r->value);
    }
done:
    pthread_mutex_unlock(&g->lock);
    return st;
}

static void got_fini(got *g)
{
    for (size_t i = 0; g->row && i < g->n; i++) {
        free(g->row[i].column);
        free(g->row[i].value);
    }
    free(g->row);
    pthread_mutex_destroy(&g->lock);
}

static scp_status collect(scp_h5ad *f, const scp_h5ad_stream_options *o, got *g, uint64_t *digest)
{
    *g = (got){ .first = o->first, .n = o->n };
    pthread_mutex_init(&g->lock, NULL);
    SCP_TRY(scp_alloc(o->n, sizeof *g->row, &g->row));
    SCP_TRY(scp_h5ad_stream(f, o, keep, g, digest));
    return SCP_OK;
}

/* Are the wanted rows there once, entry by entry as in `all` (rows from 0 on)? Rows that were not
 * wanted may have come too. */
static bool same(const got *g, const scp_h5ad_stream_options *o, const scp_h5ad_rows *all)
{
    for (size_t i = 0; i < o->n; i++) {
        const got_row *r = &g->row[i];
        bool wanted = !o->slot || (o->slot[i] >= o->slot_begin && o->slot[i] < o->slot_end);
        size_t at = (size_t)all->indptr[o->first + i];
        size_t n = (size_t)all->indptr[o->first + i + 1] - at;
        if (!wanted && r->times == 0) continue;
        if (r->times == 1 && r->n == n && memcmp(r->column, all->column + at, n * 4) == 0 &&
            memcmp(r->value, all->value + at, n * 4) == 0)
            continue;
        tap_diag("row %zu: given %d times, %zu entries instead of %zu", o->first + i, r->times,
                 r->n, n);
        return false;
    }
    return g->foreign == 0;
}

/* ---- one file, in all ways of asking ---- */

static bool whole(scp_h5ad *f, const scp_h5ad_rows *all, size_t csc_bytes, uint64_t *digest)
{
    bool fine = true;
    for (int threads = 1; threads <= THREADS && fine; threads++) {
        const scp_h5ad_stream_options o = { .n = scp_h5ad_n_obs(f),
                                            .threads = threads,
                                            .csc_bytes = csc_bytes };
        uint64_t one = 0;
        got g;
        fine = collect(f, &o, &g, &one) == SCP_OK && same(&g, &o, all);
        if (threads == 1) *digest = one;
        if (one != *digest) tap_diag("%d threads: another digest", threads);
        fine &= one == *digest;
        got_fini(&g);
    }
    return fine;
}

/* Three parts at cuts of its own, or at rows that have nothing to do with chunks. */
static bool parts(scp_h5ad *f, const scp_h5ad_rows *all, bool own_cuts, uint64_t digest)
{
    size_t n = scp_h5ad_n_obs(f), from = 0;
    uint64_t sum = 0;
    bool fine = true;
    for (int part = 1; part <= 3 && fine; part++) {
        size_t till = part == 3 ? n : n * (size_t)part * 2 / 7;
        if (own_cuts && scp_h5ad_stream_cut(f, 0, n, part, 3, &till) != SCP_OK) return false;
        const scp_h5ad_stream_options o = { .first = from, .n = till - from, .threads = 2 };
        uint64_t one = 0;
        got g;
        fine = till >= from && till <= n && collect(f, &o, &g, &one) == SCP_OK && same(&g, &o, all);
        if (till >= from && till <= n) got_fini(&g);
        sum += one;
        from = till;
    }
    if (sum != digest) tap_diag("the parts have another digest");
    return fine && from == n && sum == digest;
}

static bool some(scp_h5ad *f, const scp_h5ad_rows *all, uint64_t digest)
{
    size_t n = scp_h5ad_n_obs(f);
    int32_t *slot = calloc(n + 1, sizeof *slot);
    scp_h5ad_stream_options o = { .n = n, .threads = 2, .slot = slot };
    bool fine = true;
    for (size_t i = 0; i < n; i++) slot[i] = (int32_t)(i / 3 % 5) - 1;
    for (o.slot_begin = -1; o.slot_begin < 4 && fine; o.slot_begin++) {
        uint64_t one = 0;
        got g;
        o.slot_end = o.slot_begin + 1;
        fine = collect(f, &o, &g, &one) == SCP_OK && same(&g, &o, all) && one == digest;
        got_fini(&g);
    }
    o.slot_begin = o.slot_end = 1; /* nobody */
    got g;
    uint64_t one = 0;
    fine &= collect(f, &o, &g, &one) == SCP_OK && one == digest;
    for (size_t i = 0; i < n; i++) fine &= g.row[i].times == 0;
    got_fini(&g);
    free(slot);
    return fine;
}

static void check_file(const char *file, const char *matrix, const char *what)
{
    scp_h5ad *f = NULL;
    scp_h5ad_rows all = { 0 };
    uint64_t digest = 0, again = 0;
    scp_status st = scp_h5ad_open(file, &f);
    if (st == SCP_OK && matrix) st = scp_h5ad_select_matrix(f, matrix);
    if (st == SCP_OK) st = scp_h5ad_read_rows(f, 0, scp_h5ad_n_obs(f), &all);
    if (st == SCP_OK) {
        bool fine = whole(f, &all, 0, &digest) && parts(f, &all, true, digest) &&
                    parts(f, &all, false, digest) && some(f, &all, digest);
        if (fine && scp_h5ad_matrix_kind(f) == SCP_H5AD_CSC) { /* groups of some rows, of one */
            size_t bytes = 8 * (size_t)all.indptr[all.n_rows];
            fine = whole(f, &all, bytes / 3 + 1, &again) && again == digest &&
                   (all.n_rows > 40 || (whole(f, &all, 1, &again) && again == digest));
        }
        tap_ok(fine, "%s: rows and digests as they should be", what);
        if (!fine) tap_diag("%s", scp_err_chain());
    } else {
        tap_st(st, "%s: opened and read", what);
    }
    scp_err_clear();
    scp_h5ad_rows_fini(&all);
    scp_h5ad_close(&f);
}

/* ---- files ---- */

static void check_matrix(const stored_matrix *m, const char *what)
{
    scp_status st = stored_file(path, m);
    if (st == SCP_OK)
        check_file(path, NULL, what);
    else
        tap_st(st, "%s: written", what);
}

/* Number types, small enough for one byte. */
static void types(void)
{
    const struct {
        hid_t type;
        const char *name;
    } type[] = {
        { H5T_STD_U8LE, "u1" },   { H5T_STD_U16LE, "u2" },  { H5T_STD_U32LE, "u4" },
        { H5T_STD_U64LE, "u8" },  { H5T_STD_I8LE, "i1" },   { H5T_STD_I16LE, "i2" },
        { H5T_STD_I32LE, "i4" },  { H5T_STD_I64LE, "i8" },  { H5T_STD_I32BE, "big-endian i4" },
        { H5T_IEEE_F32LE, "f4" }, { H5T_IEEE_F64LE, "f8" }, { H5T_IEEE_F64BE, "big-endian f8" },
    };
    enum { INTEGERS = 9, ALL = sizeof type / sizeof type[0] };
    stored_entries e = stored_entries_make(90, 90, 40, 90);
    char what[64];
    for (size_t t = 0; t < ALL; t++)
        for (int csc = 0; csc < 2; csc++)
            for (unsigned how = 0; how < 4; how++) {
                stored_matrix m = stored_sparse(csc ? "csc_matrix" : "csr_matrix", &e, 90, 90);
                m.data_as = (stored){ type[t].type, { 64 }, how };
                m.indices_as = (stored){ type[t % INTEGERS].type, { 64 }, how };
                m.indptr_as.type = csc ? H5T_STD_I32LE : H5T_STD_I64LE;
                snprintf(what, sizeof what, "%s %s%s%s", csc ? "csc" : "csr", type[t].name,
                         how & STORED_DEFLATE ? " deflate" : "",
                         how & STORED_SHUFFLE ? " shuffle" : "");
                check_matrix(&m, what);
            }
    stored_entries_fini(&e);
}

/* Ways of storing, with rows that cross runs and one longer than two runs. */
static void layouts(void)
{
    const struct {
        const char *what;
        size_t data_chunk, indices_chunk;
        unsigned how;
    } layout[] = {
        { "equal chunks, deflate", 9001, 9001, STORED_DEFLATE },
        { "one chunk", 1000000, 1000000, STORED_DEFLATE | STORED_SHUFFLE },
        { "chunks of a common multiple", 3000, 2000, STORED_DEFLATE },
        { "chunks without a common multiple", 9001, 17011, STORED_DEFLATE },
        { "chunks far from a common multiple", 40013, 20011, 0 },
        { "a chunk longer than all", 200003, 70001, STORED_DEFLATE | STORED_GROWS },
        { "lzf", 9001, 9001, STORED_LZF },
        { "shuffle and lzf, every other chunk without", 9001, 9001,
          STORED_LZF | STORED_SHUFFLE | STORED_PART_MASKED },
        { "fletcher32", 9001, 9001, STORED_FLETCHER | STORED_DEFLATE },
        { "unlimited", 9001, 9001, STORED_GROWS | STORED_DEFLATE },
        { "contiguous", 0, 0, 0 },
        { "contiguous and chunked", 0, 9001, 0 },
    };
    stored_entries e = stored_entries_make(400, 3000, 300, 90000);
    for (size_t i = 0; i < sizeof layout / sizeof layout[0]; i++) {
        stored_matrix m = stored_sparse("csr_matrix", &e, 400, 3000);
        m.data_as.chunk[0] = layout[i].data_chunk;
        m.data_as.how = layout[i].data_chunk ? layout[i].how : 0;
        m.indices_as.chunk[0] = layout[i].indices_chunk;
        m.indices_as.how = layout[i].how;
        check_matrix(&m, layout[i].what);
    }
    stored_matrix m = stored_sparse("csr_matrix", &e, 400, 3000);
    m.user_bytes = 1024;
    check_matrix(&m, "a user block in front");
    m.data_as = m.indices_as = (stored){ H5T_STD_I32LE, { 0 }, 0 };
    check_matrix(&m, "a user block in front of contiguous data");
    m = stored_sparse("csc_matrix", &e, 3000, 400);
    check_matrix(&m, "csc of several runs");
    m.data_as.chunk[0] = 1700;
    check_matrix(&m, "csc, unequal chunks");
    stored_entries_fini(&e);
}

/* Chunks of data and indices without a common border: those at the ends of a run belong to two. */
static void odd_lengths(void)
{
    stored_entries e = stored_entries_make(2600, 3000, 300, 90000);
    stored_matrix m = stored_sparse("csr_matrix", &e, 2600, 3000);
    m.data_as.chunk[0] = 90011;
    m.indices_as.chunk[0] = 20011;
    check_matrix(&m, "more entries than a run, odd lengths");
    stored_entries_fini(&e);
}

/* The smallest of everything. */
static void small(void)
{
    stored_entries e = stored_entries_make(30, 40, 6, 11), none = stored_entries_make(30, 40, 1, 0);
    stored_matrix m = stored_sparse("csr_matrix", &e, 30, 40);
    m.data_as.chunk[0] = m.indices_as.chunk[0] = 1;
    check_matrix(&m, "chunks of one entry");
    m.data_as = m.indices_as = (stored){ H5T_STD_I16LE, { 0 }, STORED_COMPACT };
    check_matrix(&m, "compact");
    m = stored_sparse("csc_matrix", &e, 40, 30);
    check_matrix(&m, "csc");
    none.nnz = 0;
    memset(none.indptr, 0, 31 * sizeof *none.indptr);
    m = stored_sparse("csr_matrix", &none, 30, 40);
    m.data_as.how = m.indices_as.how = STORED_GROWS;
    check_matrix(&m, "rows without entries");
    m = stored_sparse("csc_matrix", &none, 40, 30);
    m.data_as.how = m.indices_as.how = STORED_GROWS;
    check_matrix(&m, "csc without entries");
    m = stored_sparse("csr_matrix", &none, 0, 40);
    m.data_as.how = m.indices_as.how = STORED_GROWS;
    check_matrix(&m, "no rows");
    stored_entries_fini(&none);
    stored_entries_fini(&e);
}

static void dense(void)
{
    const struct {
        const char *what;
        hid_t type;
        size_t n_rows, n_cols, chunk[2];
        unsigned how;
    } d[] = {
        { "dense", H5T_IEEE_F32LE, 150, 90, { 40, 90 }, STORED_DEFLATE },
        { "dense, chunks in both directions", H5T_IEEE_F64LE, 150, 90, { 32, 13 }, STORED_DEFLATE },
        { "dense, shuffle", H5T_STD_U16LE, 150, 90, { 7, 64 }, STORED_DEFLATE | STORED_SHUFFLE },
        { "dense, lzf", H5T_IEEE_F32LE, 150, 90, { 7, 64 }, STORED_LZF | STORED_SHUFFLE },
        { "dense, bytes", H5T_STD_I8LE, 150, 90, { 150, 1 }, STORED_DEFLATE },
        { "dense, contiguous", H5T_IEEE_F32LE, 1500, 90, { 0 }, 0 },
        { "dense, compact", H5T_STD_U8LE, 50, 90, { 0 }, STORED_COMPACT },
        { "dense, big-endian", H5T_IEEE_F32BE, 150, 90, { 40, 20 }, STORED_DEFLATE },
        { "dense, one column", H5T_IEEE_F32LE, 5000, 1, { 900, 1 }, 0 },
        { "dense, no columns", H5T_IEEE_F32LE, 20, 0, { 0 }, 0 },
        { "dense, no rows", H5T_IEEE_F32LE, 0, 20, { 0 }, 0 },
        { "dense, chunks higher than a block",
          H5T_STD_I8LE,
          70,
          100000,
          { 60, 9000 },
          STORED_DEFLATE },
    };
    for (size_t i = 0; i < sizeof d / sizeof d[0]; i++) {
        size_t n = d[i].n_rows * d[i].n_cols;
        double *x = calloc(n + 1, sizeof *x);
        for (size_t k = 0; k < n; k++)
            if (k % 11 == 3 || k % 9000 == 8999) x[k] = (double)(1 + k * 7 % 97);
        stored_matrix m = { .encoding = "array", .n_rows = d[i].n_rows, .n_cols = d[i].n_cols };
        m.data = x;
        m.data_as = (stored){ d[i].type, { d[i].chunk[0], d[i].chunk[1] }, d[i].how };
        check_matrix(&m, d[i].what);
        free(x);
    }
}

/* More rows than row starts are held: most are empty. */
static void many_rows(void)
{
    enum { ROWS = 1100000 };
    stored_entries e = { .n = ROWS };
    e.indptr = calloc(ROWS + 1, sizeof *e.indptr);
    e.indices = calloc(ROWS, sizeof *e.indices);
    e.data = calloc(ROWS, sizeof *e.data);
    for (size_t i = 0; i < ROWS; i++) {
        if (i % 8 == 0 || (i > (1 << 20) - 4 && i < (1 << 20) + 4)) {
            e.indices[e.nnz] = (double)(i % 17);
            e.data[e.nnz++] = 1;
        }
        e.indptr[i + 1] = (double)e.nnz;
    }
    stored_matrix m = stored_sparse("csr_matrix", &e, ROWS, 17);
    m.indptr_as.chunk[0] = 100000;
    check_matrix(&m, "1.1 million rows");
    stored_entries_fini(&e);
}

/* ---- real files ---- */

static void real_files(void)
{
    const struct {
        const char *name, *matrix;
    } real[] = {
        { "h5ad_format/anndata_v0.5.0.h5ad", "X" },
        { "h5ad_format/anndata_v0.5.0.h5ad", "raw/X" },
        { "h5ad_format/anndata_v0.7.0.h5ad", "raw/X" },
        { "h5ad_format/anndata_v0.7.8.h5ad", "X" },
        { "singlecell/datlinger_cropseq_scperturb_7500.h5ad", "X" },
        { "singlecell/gbm_panobinostat_5k.h5ad", "X" },
        { "singlecell/perturbench_devel_crispr.h5ad", "X" },
        { "singlecell/sciplex2_a549_dex_500.h5ad", "X" },
        { "tahoe/plate_layout_synthetic_320.h5ad", "X" },
        { "bulk/tggates_small_hepatocyte.h5ad", "X" },
    };
    for (size_t i = 0; i < sizeof real / sizeof real[0]; i++) {
        const char *file = tap_data(real[i].name);
        char what[128];
        snprintf(what, sizeof what, "%s %s", real[i].name, real[i].matrix);
        if (file)
            check_file(file, real[i].matrix, what);
        else
            tap_skip("the real data is not here", "%s", what);
    }
}

int main(void)
{
    tap_st(scp_fs_join(path, sizeof path, tap_tmpdir(), "t.h5ad"), "temporary name");
    tap_st(scp_h5_init(), "HDF5 starts");
    types();
    layouts();
    odd_lengths();
    small();
    dense();
    many_rows();
    real_files();
    return tap_done();
}
