/* Streams of rows: bad entries, damaged chunks, errors of the caller's function, wrong arguments;
 * and memory against what was announced. Good files: h5ad_stream.c. */
#include "io/h5ad_stream.h"

#include <malloc.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/fs.h"
#include "stored.h"
#include "tap.h"

enum { THREADS = 4 };

static char path[SCP_PATH_MAX];

/* Looks at every entry, as a reader would, and fails at one row. */
static scp_status look(void *ctx, int thread, const size_t *row, scp_h5ad_rows *rows)
{
    const size_t *fails_at = ctx;
    int64_t nnz = rows->indptr[rows->n_rows];
    for (int64_t k = 0; k < nnz; k++)
        if (rows->column[k] < 0 || !isfinite(rows->value[k]))
            SCP_FAIL(SCP_EINTERNAL, "a bad entry got through");
    for (size_t i = 0; i < rows->n_rows; i++)
        if (row[i] == *fails_at)
            SCP_FAIL(SCP_EINTERNAL, "thread %d stopped at row %zu", thread, row[i]);
    return SCP_OK;
}

static scp_status stream_it(const scp_h5ad_stream_options *wish, size_t fails_at)
{
    scp_h5ad *f = NULL;
    scp_h5ad_stream_options o = *wish;
    uint64_t digest;
    SCP_TRY(scp_h5ad_open(path, &f));
    o.n = scp_h5ad_n_obs(f);
    scp_status st = scp_h5ad_stream(f, &o, look, &fails_at, &digest);
    scp_h5ad_close(&f);
    return st;
}

static void bad_entries(void)
{
    stored_entries e = stored_entries_make(200, 500, 300, 400);
    size_t at = (size_t)e.indptr[101] + 3; /* in row 101 */
    int32_t slot[200] = { 0 };
    slot[101] = 1;
    const scp_h5ad_stream_options two = { .threads = 2 };
    const scp_h5ad_stream_options others = { .threads = 2, .slot = slot, .slot_end = 1 };
    const double bad[] = { 500, -1, 5e9, 5e9 + 4294967296.0 * 16 };
    double good = e.indices[at];
    stored_matrix m = stored_sparse("csr_matrix", &e, 200, 500);
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
    m = stored_sparse("csr_matrix", &e, 200, 500);
    tap_st(stored_file(path, &m), "a good file");
    for (int threads = 1; threads <= THREADS; threads++) {
        const scp_h5ad_stream_options o = { .threads = threads };
        tap_fails(stream_it(&o, 77), SCP_EINTERNAL, "stopped at row 77",
                  "%d threads: an error of the function ends the stream", threads);
    }
    stored_entries_fini(&e);
}

/* A chunk that does not inflate, or whose place or size is not in the file. */
static void damage(void)
{
    stored_entries e = stored_entries_make(200, 500, 300, 400);
    const scp_h5ad_stream_options o = { .threads = 2 };
    const char *const encoding[] = { "csr_matrix", "csc_matrix" };
    for (int csc = 0; csc < 2; csc++) {
        stored_matrix m = csc ? stored_sparse(encoding[1], &e, 500, 200)
                              : stored_sparse(encoding[0], &e, 200, 500);
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
    stored_entries_fini(&e);
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
    stored_entries e = stored_entries_make(400, 3000, 300, 90000);
    stored_matrix m = stored_sparse("csr_matrix", &e, 400, 3000);
    m.indices_as.chunk[0] = m.data_as.chunk[0] = 150000;
    m.indices_as.how = m.data_as.how = STORED_DEFLATE | STORED_SHUFFLE | STORED_GROWS;
    check_memory(&m, "memory, csr");
    m.encoding = "csc_matrix";
    m.n_rows = 3000;
    m.n_cols = 400;
    check_memory(&m, "memory, csc");
    stored_entries_fini(&e);
    double *x = calloc(200 * 20000, sizeof *x);
    m = (stored_matrix){ .encoding = "array", .n_rows = 200, .n_cols = 20000, .data = x };
    m.data_as = (stored){ H5T_IEEE_F64LE, { 50, 7000 }, STORED_DEFLATE | STORED_SHUFFLE };
    check_memory(&m, "memory, dense");
    free(x);
}

static void arguments(void)
{
    scp_h5ad *f = NULL;
    stored_entries e = stored_entries_make(20, 50, 5, 5);
    stored_matrix m = stored_sparse("csr_matrix", &e, 20, 50);
    size_t nowhere = SIZE_MAX;
    tap_st(stored_file(path, &m), "a file");
    tap_st(scp_h5ad_open(path, &f), "opened");
    scp_h5ad_stream_options o = { .first = 10, .n = 11, .threads = 1 };
    tap_fails(scp_h5ad_stream(f, &o, look, &nowhere, NULL), SCP_EINTERNAL, "of 20",
              "rows beyond the end");
    o = (scp_h5ad_stream_options){ .n = 20 };
    tap_fails(scp_h5ad_stream(f, &o, look, &nowhere, NULL), SCP_EINTERNAL, "0 threads",
              "no threads");
    o.threads = 2;
    size_t one = scp_h5ad_stream_memory(f, &o);
    o.threads = 4;
    tap_ok(one > 0 && scp_h5ad_stream_memory(f, &o) > one, "memory grows with threads");
    scp_h5ad_close(&f);
    stored_entries_fini(&e);
}

int main(void)
{
    tap_st(scp_fs_join(path, sizeof path, tap_tmpdir(), "t.h5ad"), "temporary name");
    tap_st(scp_h5_init(), "HDF5 starts");
    bad_entries();
    damage();
    memory();
    arguments();
    return tap_done();
}
