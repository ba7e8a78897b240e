/* Row starts as they were written, whatever their type and way of storing, in every cut; those that
 * are not what they should be are refused, with the row or the chunk. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "io/h5ad.h"
#include "stored.h"
#include "tap.h"

enum { ROWS = 90, COLUMNS = 90, LARGEST = 127 };

static char path[SCP_PATH_MAX];

/* Are the starts of rows [first, first + n) those that were written? */
static bool cut_is(scp_h5ad *f, const double *want, size_t first, size_t n)
{
    int64_t start[ROWS + 1];
    if (scp_h5ad_row_starts(f, first, n, start) != SCP_OK) return false;
    for (size_t i = 0; i <= n; i++)
        if (start[i] != (int64_t)want[first + i]) return false;
    return true;
}

static void check(const stored_matrix *m, const char *what)
{
    scp_h5ad *f = NULL;
    scp_status st = stored_file(path, m);
    if (st == SCP_OK) st = scp_h5ad_open(path, &f);
    bool fine = st == SCP_OK;
    for (size_t first = 0; fine && first <= ROWS; first++)
        for (size_t n = 0; fine && n <= ROWS - first; n += 1 + n / 4)
            fine = cut_is(f, m->indptr, first, n);
    tap_ok(fine, "%s: every cut as it was written", what);
    if (!fine) tap_diag("%s", scp_err_chain());
    scp_err_clear();
    scp_h5ad_close(&f);
}

static void good(const stored_entries *e)
{
    const struct {
        hid_t type;
        const char *name;
    } type[] = {
        { H5T_STD_U8LE, "u1" },  { H5T_STD_U16LE, "u2" }, { H5T_STD_U32LE, "u4" },
        { H5T_STD_U64LE, "u8" }, { H5T_STD_I8LE, "i1" },  { H5T_STD_I16LE, "i2" },
        { H5T_STD_I32LE, "i4" }, { H5T_STD_I64LE, "i8" }, { H5T_STD_I32BE, "big-endian i4" },
    };
    const struct {
        size_t chunk;
        unsigned how;
        const char *name;
    } layout[] = {
        { 7, STORED_DEFLATE, "deflate" },
        { 7, STORED_DEFLATE | STORED_SHUFFLE, "shuffle and deflate" },
        { 7, STORED_LZF, "lzf" },
        { 7, STORED_LZF | STORED_SHUFFLE | STORED_PART_MASKED, "every other chunk without lzf" },
        { 7, STORED_FLETCHER, "fletcher32" },
        { 7, 0, "no filter" },
        { 1, STORED_DEFLATE, "chunks of one" },
        { 1000, STORED_DEFLATE | STORED_GROWS, "a chunk longer than all" },
        { 0, 0, "contiguous" },
        { 0, STORED_COMPACT, "compact" },
    };
    char what[96];
    for (size_t t = 0; t < sizeof type / sizeof type[0]; t++)
        for (size_t k = 0; k < sizeof layout / sizeof layout[0]; k++) {
            stored_matrix m = stored_sparse("csr_matrix", e, ROWS, COLUMNS);
            m.indptr_as = (stored){ type[t].type, { layout[k].chunk }, layout[k].how };
            snprintf(what, sizeof what, "%s, %s", type[t].name, layout[k].name);
            check(&m, what);
        }
}

/* Starts that a signed byte has no room for. */
static void unsigned_bytes(void)
{
    stored_entries e = stored_entries_make(ROWS, COLUMNS, 1, 90);
    stored_matrix m = stored_sparse("csr_matrix", &e, ROWS, COLUMNS);
    tap_ok(e.nnz > LARGEST && e.nnz <= UINT8_MAX, "%zu entries", e.nnz);
    m.indptr_as = (stored){ H5T_STD_U8LE, { 7 }, STORED_DEFLATE };
    check(&m, "u1 above 127");
    stored_entries_fini(&e);
}

/* One start of the file is another. */
static void refused(const stored_entries *e, size_t at, double start, hid_t type, const char *why)
{
    scp_h5ad *f = NULL;
    stored_matrix m = stored_sparse("csr_matrix", e, ROWS, COLUMNS);
    const double was = e->indptr[at];
    m.indptr_as = (stored){ type, { 7 }, STORED_DEFLATE };
    e->indptr[at] = start;
    tap_st(stored_file(path, &m), "start %zu becomes %g", at, start);
    e->indptr[at] = was;
    tap_fails(scp_h5ad_open(path, &f), SCP_EDATA, why, "it is refused: %s", why);
    scp_h5ad_close(&f);
}

/* Bytes of chunk 4, of rows 28 to 34, are others. */
static void damaged(const stored_entries *e)
{
    scp_h5ad *f = NULL;
    stored_matrix m = stored_sparse("csr_matrix", e, ROWS, COLUMNS);
    m.indptr_as.chunk[0] = 7;
    tap_st(stored_file(path, &m), "a good file");
    const uint64_t offset = stored_offset(path, "X/indptr", 4);
    const uint8_t ones[6] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
    tap_ok(offset > 0 && stored_patch(path, offset + 6, ones, sizeof ones), "chunk 4 is damaged");
    tap_fails(scp_h5ad_open(path, &f), SCP_EDATA, "X/indptr: chunk 4 is damaged",
              "dataset and chunk are named");
    scp_h5ad_close(&f);
}

int main(void)
{
    snprintf(path, sizeof path, "%s/starts.h5ad", tap_tmpdir());
    stored_entries e = stored_entries_make(ROWS, COLUMNS, 1, 9);
    tap_ok(e.nnz > ROWS / 2 && e.nnz <= LARGEST, "%zu entries: a byte has room for every start",
           e.nnz);
    good(&e);
    unsigned_bytes();
    refused(&e, 40, -1, H5T_STD_I64LE, "X: indptr falls after row 39");
    refused(&e, 41, 1e4, H5T_STD_I32LE, "X: indptr falls after row 41");
    refused(&e, 42, 0x1p63, H5T_STD_U64LE, "X: indptr falls after row 41");
    refused(&e, 0, 1, H5T_STD_U16LE, "X: indptr does not begin at 0");
    refused(&e, ROWS, 1e4, H5T_STD_U16LE, "X: indptr ends at 10000");
    damaged(&e);
    stored_entries_fini(&e);
    return tap_done();
}
