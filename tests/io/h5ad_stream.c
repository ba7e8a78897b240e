/* Streams of rows against scp_h5ad_read_rows, entry by entry: every way of storing, 1 to 4 threads,
 * any cut into parts, wanted rows only, with one digest for all of them; and what is refused. */
#include "io/h5ad_stream.h"

#include <malloc.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "base/mem.h"
#include "base/rng.h"
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
    size_t fails_at;          /* the function fails at this row */
} got;

static scp_status keep(void *ctx, int thread, const size_t *row, scp_h5ad_rows *rows)
{
    got *g = ctx;
    scp_status st = SCP_OK;
    pthread_mutex_lock(&g->lock);
    for (size_t i = 0; i < rows->n_rows; i++) {
        if (row[i] < g->first || row[i] - g->first >= g->n || (i > 0 && row[i] <= row[i - 1])) {
            g->foreign++;
            continue;
        }
        if (row[i] == g->fails_at)
            SCP_FAIL_GOTO(done, SCP_EINTERNAL, "thread %d stopped at row %zu", thread, row[i]);
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
    *g = (got){ .first = o->first, .n = o->n, .fails_at = SIZE_MAX };
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
        size_t till = own_cuts ? scp_h5ad_stream_cut(f, 0, n, part, 3)
                               : (part == 3 ? n : n * (size_t)part * 2 / 7);
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

static size_t draw(size_t below)
{
    static uint64_t turn;
    return scp_rng_below(7, SCP_RNG_SHUFFLE, turn++, 0, 0, below);
}

/* Entries of a matrix by rows (or columns): some empty, one `longest`, columns in any order and
 * with repetitions. */
typedef struct entries {
    size_t n, nnz;
    double *data, *indices, *indptr;
} entries;

static entries make_entries(size_t n_major, size_t n_minor, size_t mean, size_t longest)
{
    entries e = { .n = n_major };
    size_t most = n_major * 2 * mean + longest;
    e.indptr = calloc(n_major + 1, sizeof *e.indptr);
    e.indices = calloc(most + 1, sizeof *e.indices);
    e.data = calloc(most + 1, sizeof *e.data);
    for (size_t i = 0; i < n_major; i++) {
        size_t n = i % 7 == 0 || i + 2 >= n_major ? 0 : draw(2 * mean);
        if (i == n_major / 2) n = longest;
        for (size_t k = 0; k < n; k++, e.nnz++) {
            e.indices[e.nnz] = (double)draw(n_minor);
            e.data[e.nnz] = (double)(1 + draw(100));
        }
        e.indptr[i + 1] = (double)e.nnz;
    }
    return e;
}

static void entries_fini(entries *e)
{
    free(e->data);
    free(e->indices);
    free(e->indptr);
}

static void check_matrix(const stored_matrix *m, const char *what)
{
    scp_status st = stored_file(path, m);
    if (st == SCP_OK)
        check_file(path, NULL, what);
    else
        tap_st(st, "%s: written", what);
}

static stored_matrix sparse(const char *encoding, const entries *e, size_t n_rows, size_t n_cols)
{
    return (stored_matrix){ .encoding = encoding,
                            .n_rows = n_rows,
                            .n_cols = n_cols,
                            .nnz = e->nnz,
                            .data = e->data,
                            .indices = e->indices,
                            .indptr = e->indptr,
                            .data_as = { H5T_IEEE_F32LE, { 5000 }, STORED_DEFLATE },
                            .indices_as = { H5T_STD_I64LE, { 5000 }, STORED_DEFLATE },
                            .indptr_as = { H5T_STD_I64LE, { 100 }, STORED_DEFLATE } };
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
    entries e = make_entries(90, 90, 40, 90);
    char what[64];
    for (size_t t = 0; t < ALL; t++)
        for (int csc = 0; csc < 2; csc++)
            for (unsigned how = 0; how < 4; how++) {
                stored_matrix m = sparse(csc ? "csc_matrix" : "csr_matrix", &e, 90, 90);
                m.data_as = (stored){ type[t].type, { 64 }, how };
                m.indices_as = (stored){ type[t % INTEGERS].type, { 64 }, how };
                m.indptr_as.type = csc ? H5T_STD_I32LE : H5T_STD_I64LE;
                snprintf(what, sizeof what, "%s %s%s%s", csc ? "csc" : "csr", type[t].name,
                         how & STORED_DEFLATE ? " deflate" : "",
                         how & STORED_SHUFFLE ? " shuffle" : "");
                check_matrix(&m, what);
            }
    entries_fini(&e);
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
    entries e = make_entries(400, 3000, 300, 90000);
    for (size_t i = 0; i < sizeof layout / sizeof layout[0]; i++) {
        stored_matrix m = sparse("csr_matrix", &e, 400, 3000);
        m.data_as.chunk[0] = layout[i].data_chunk;
        m.data_as.how = layout[i].data_chunk ? layout[i].how : 0;
        m.indices_as.chunk[0] = layout[i].indices_chunk;
        m.indices_as.how = layout[i].how;
        check_matrix(&m, layout[i].what);
    }
    stored_matrix m = sparse("csr_matrix", &e, 400, 3000);
    m.user_bytes = 1024;
    check_matrix(&m, "a user block in front");
    m.data_as = m.indices_as = (stored){ H5T_STD_I32LE, { 0 }, 0 };
    check_matrix(&m, "a user block in front of contiguous data");
    m = sparse("csc_matrix", &e, 3000, 400);
    check_matrix(&m, "csc of several runs");
    m.data_as.chunk[0] = 1700;
    check_matrix(&m, "csc, unequal chunks");
    entries_fini(&e);
}

/* The smallest of everything. */
static void small(void)
{
    entries e = make_entries(30, 40, 6, 11), none = make_entries(30, 40, 1, 0);
    stored_matrix m = sparse("csr_matrix", &e, 30, 40);
    m.data_as.chunk[0] = m.indices_as.chunk[0] = 1;
    check_matrix(&m, "chunks of one entry");
    m.data_as = m.indices_as = (stored){ H5T_STD_I16LE, { 0 }, STORED_COMPACT };
    check_matrix(&m, "compact");
    m = sparse("csc_matrix", &e, 40, 30);
    check_matrix(&m, "csc");
    none.nnz = 0;
    memset(none.indptr, 0, 31 * sizeof *none.indptr);
    m = sparse("csr_matrix", &none, 30, 40);
    m.data_as.how = m.indices_as.how = STORED_GROWS;
    check_matrix(&m, "rows without entries");
    m = sparse("csc_matrix", &none, 40, 30);
    m.data_as.how = m.indices_as.how = STORED_GROWS;
    check_matrix(&m, "csc without entries");
    m = sparse("csr_matrix", &none, 0, 40);
    m.data_as.how = m.indices_as.how = STORED_GROWS;
    check_matrix(&m, "no rows");
    entries_fini(&none);
    entries_fini(&e);
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
            if (k % 11 == 3 || k % 9000 == 8999) x[k] = (double)(1 + draw(100));
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
    entries e = { .n = ROWS };
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
    stored_matrix m = sparse("csr_matrix", &e, ROWS, 17);
    m.indptr_as.chunk[0] = 100000;
    check_matrix(&m, "1.1 million rows");
    entries_fini(&e);
}

/* ---- what must be refused ---- */

static scp_status stream_it(const scp_h5ad_stream_options *wish, size_t fails_at)
{
    scp_h5ad *f = NULL;
    scp_status st = scp_h5ad_open(path, &f);
    if (st != SCP_OK) return st;
    scp_h5ad_stream_options o = *wish;
    got g = { .n = scp_h5ad_n_obs(f), .fails_at = fails_at };
    uint64_t digest;
    pthread_mutex_init(&g.lock, NULL);
    o.n = g.n;
    g.row = calloc(g.n, sizeof *g.row);
    st = scp_h5ad_stream(f, &o, keep, &g, &digest);
    got_fini(&g);
    scp_h5ad_close(&f);
    return st;
}

static void bad_entries(void)
{
    entries e = make_entries(200, 500, 300, 400);
    size_t at = (size_t)e.indptr[101] + 3; /* in row 101 */
    int32_t slot[200] = { 0 };
    slot[101] = 1;
    const scp_h5ad_stream_options two = { .threads = 2 };
    const scp_h5ad_stream_options others = { .threads = 2, .slot = slot, .slot_end = 1 };
    const double bad[] = { 500, -1, 5e9, 5e9 + 4294967296.0 * 16 };
    double good = e.indices[at];
    stored_matrix m = sparse("csr_matrix", &e, 200, 500);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        e.indices[at] = bad[i];
        tap_st(stored_file(path, &m), "index %g written", bad[i]);
        tap_fails(stream_it(&two, SIZE_MAX), SCP_EDATA, "X: row 101: column index",
                  "an index of %g is refused", bad[i]);
    }
    tap_st(stream_it(&others, SIZE_MAX), "it does not matter in a row that is not wanted");
    e.indices[at] = good;
    const double odd[] = { (double)NAN, (double)INFINITY, 1e300 };
    m.data_as.type = H5T_IEEE_F64LE;
    for (size_t i = 0; i < 3; i++) {
        e.data[at] = odd[i];
        tap_st(stored_file(path, &m), "value %g written", odd[i]);
        tap_fails(stream_it(&two, SIZE_MAX), SCP_EDATA, "X: row 101, column", "%g is refused",
                  odd[i]);
    }
    tap_st(stream_it(&others, SIZE_MAX), "it does not matter in a row that is not wanted");
    m.encoding = "csc_matrix";
    m.n_rows = 500;
    m.n_cols = 200;
    tap_st(stored_file(path, &m), "the same by columns");
    tap_fails(stream_it(&two, SIZE_MAX), SCP_EDATA, ", column 101: the value is not finite",
              "csc: 1e300 is refused");
    e.data[at] = 1;
    e.indices[at] = 500;
    tap_st(stored_file(path, &m), "a row that is not there");
    tap_fails(stream_it(&two, SIZE_MAX), SCP_EDATA, "row index 500", "csc: it is refused");
    e.indices[at] = good;
    m = sparse("csr_matrix", &e, 200, 500);
    tap_st(stored_file(path, &m), "a good file");
    for (int threads = 1; threads <= THREADS; threads++) {
        const scp_h5ad_stream_options o = { .threads = threads };
        tap_fails(stream_it(&o, 77), SCP_EINTERNAL, "stopped at row 77",
                  "%d threads: an error of the function ends the stream", threads);
    }
    entries_fini(&e);
}

/* A chunk that does not inflate, or whose place or size is not in the file. */
static void damage(void)
{
    entries e = make_entries(200, 500, 300, 400);
    const scp_h5ad_stream_options o = { .threads = 2 };
    const char *const encoding[] = { "csr_matrix", "csc_matrix" };
    for (int csc = 0; csc < 2; csc++) {
        stored_matrix m =
            csc ? sparse(encoding[1], &e, 500, 200) : sparse(encoding[0], &e, 200, 500);
        tap_st(stored_file(path, &m), "%s written", encoding[csc]);
        uint64_t at = stored_offset(path, "X/data", 3);
        const uint8_t ones[16] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
        tap_ok(at > 0 && stored_patch(path, at + 40, ones, sizeof ones), "chunk 3 is damaged");
        tap_fails(stream_it(&o, SIZE_MAX), SCP_EDATA, "X/data: chunk 3 is damaged",
                  "%s: dataset and chunk are named", encoding[csc]);
        tap_st(stored_file(path, &m), "%s written", encoding[csc]);
        at = stored_offset(path, "X/indices", 2);
        const uint64_t far = UINT64_C(1) << 59;
        tap_ok(at > 0 && stored_patch_at(path, &at, sizeof at, 0, &far, sizeof far),
               "chunk 2 lies beyond the end");
        tap_fails(stream_it(&o, SIZE_MAX), SCP_EDATA, "X/indices: chunk 2 cannot be read",
                  "%s: its rows and the way out are named", encoding[csc]);
        tap_st(stored_file(path, &m), "%s written", encoding[csc]);
        at = stored_offset(path, "X/indices", 2);
        const uint32_t huge = UINT32_MAX; /* size, mask, 2 offsets, address: of a node's child */
        tap_ok(at > 0 && stored_patch_at(path, &at, sizeof at, -24, &huge, sizeof huge),
               "chunk 2 says it has 4 GiB");
        tap_fails(stream_it(&o, SIZE_MAX), SCP_EDATA, "X/indices: chunk 2 is damaged: it is said",
                  "%s: they are not allocated", encoding[csc]);
    }
    entries_fini(&e);
}

/* ---- memory ---- */

static pthread_mutex_t peak_lock = PTHREAD_MUTEX_INITIALIZER;

static size_t in_use(void)
{
    struct mallinfo2 m = mallinfo2();
    return m.uordblks + m.hblkhd;
}

static scp_status watch(void *ctx, int thread, const size_t *row, scp_h5ad_rows *rows)
{
    size_t *peak = ctx, now = in_use();
    (void)thread;
    (void)row;
    (void)rows;
    pthread_mutex_lock(&peak_lock);
    if (now > *peak) *peak = now;
    pthread_mutex_unlock(&peak_lock);
    return SCP_OK;
}

/* What is allocated while blocks are given, against what was announced. */
static void check_memory(const stored_matrix *m, const char *what)
{
    enum { HDF5_OWN = 1 << 20 }; /* its caches */
    scp_h5ad *f = NULL;
    scp_status st = stored_file(path, m);
    if (st == SCP_OK) st = scp_h5ad_open(path, &f);
    for (int threads = 1; threads <= THREADS && st == SCP_OK; threads += 3) {
        const scp_h5ad_stream_options o = { .n = scp_h5ad_n_obs(f),
                                            .threads = threads,
                                            .csc_bytes = 1 << 20 };
        size_t before = in_use(), peak = before, said = scp_h5ad_stream_memory(f, &o);
        st = scp_h5ad_stream(f, &o, watch, &peak, NULL);
        tap_ok(peak - before <= said + HDF5_OWN, "%s, %d threads: %zu KiB said, %zu in use", what,
               threads, said >> 10, (peak - before) >> 10);
    }
    if (st != SCP_OK) tap_st(st, "%s", what);
    scp_h5ad_close(&f);
}

static void memory(void)
{
    entries e = make_entries(400, 3000, 300, 90000);
    stored_matrix m = sparse("csr_matrix", &e, 400, 3000);
    m.indices_as.chunk[0] = m.data_as.chunk[0] = 150000;
    m.indices_as.how = m.data_as.how = STORED_DEFLATE | STORED_SHUFFLE | STORED_GROWS;
    check_memory(&m, "memory, csr");
    m.encoding = "csc_matrix";
    m.n_rows = 3000;
    m.n_cols = 400;
    check_memory(&m, "memory, csc");
    entries_fini(&e);
    double *x = calloc(200 * 20000, sizeof *x);
    m = (stored_matrix){ .encoding = "array", .n_rows = 200, .n_cols = 20000, .data = x };
    m.data_as = (stored){ H5T_IEEE_F64LE, { 50, 7000 }, STORED_DEFLATE | STORED_SHUFFLE };
    check_memory(&m, "memory, dense");
    free(x);
}

static void arguments(void)
{
    scp_h5ad *f = NULL;
    entries e = make_entries(20, 50, 5, 5);
    stored_matrix m = sparse("csr_matrix", &e, 20, 50);
    got g = { 0 };
    tap_st(stored_file(path, &m), "a file");
    tap_st(scp_h5ad_open(path, &f), "opened");
    scp_h5ad_stream_options o = { .first = 10, .n = 11, .threads = 1 };
    tap_fails(scp_h5ad_stream(f, &o, keep, &g, NULL), SCP_EINTERNAL, "of 20",
              "rows beyond the end");
    o = (scp_h5ad_stream_options){ .n = 20 };
    tap_fails(scp_h5ad_stream(f, &o, keep, &g, NULL), SCP_EINTERNAL, "0 threads", "no threads");
    o.threads = 2;
    size_t one = scp_h5ad_stream_memory(f, &o);
    o.threads = 4;
    tap_ok(one > 0 && scp_h5ad_stream_memory(f, &o) > one, "memory grows with threads");
    scp_h5ad_close(&f);
    entries_fini(&e);
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
    small();
    dense();
    many_rows();
    bad_entries();
    damage();
    memory();
    arguments();
    real_files();
    return tap_done();
}
