/* One rank's rows of one file: read in blocks, normalise, add. */
#include "data/bulk_read.h"

#include <stdlib.h>

#include "base/mem.h"
#include "data/normalize.h"

enum {
    BLOCK_ROWS = 8192,     /* rows of one read                                    */
    BLOCK_VALUES = 4 << 20 /* non-zeros of one read: 32 MiB of columns and values */
};

typedef struct entry {
    int32_t column;
    float value;
} entry;

/* Buffers that live as long as a file is read. */
typedef struct reader {
    scp_h5ad *file;
    const int64_t *indptr; /* CSR: row starts, else NULL */
    scp_h5ad_rows rows;
    double *addend;
    entry *sorted;
    size_t cap_addend, cap_sorted;
} reader;

/* Stored values before a row, for balancing and for block sizes. */
static int64_t values_before(const reader *r, size_t row, size_t G)
{
    return r->indptr ? r->indptr[row] : (int64_t)(row * G);
}

/* First row in [first, end) at which a part `part` of `parts` of the values begins. */
static size_t cut(const reader *r, size_t first, size_t end, int part, int parts, size_t G)
{
    if (part == 0) return first;
    if (part == parts) return end;
    int64_t from = values_before(r, first, G), all = values_before(r, end, G) - from;
    int64_t want = from + all / parts * part + all % parts * part / parts;
    size_t low = first, high = end;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (values_before(r, mid, G) < want)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

static int compare_entry(const void *pa, const void *pb)
{
    const entry *a = pa, *b = pb;
    return (a->column > b->column) - (a->column < b->column);
}

/* Add up entries of one column in a row, in place; most rows have none and are only looked at. */
static scp_status merge_duplicates(reader *r, int32_t *column, float *value, size_t *n)
{
    bool rising = true;
    for (size_t i = 1; i < *n && rising; i++) rising = column[i - 1] < column[i];
    if (rising) return SCP_OK;
    SCP_TRY(scp_grow(&r->sorted, &r->cap_sorted, *n, sizeof *r->sorted));
    for (size_t i = 0; i < *n; i++) r->sorted[i] = (entry){ column[i], value[i] };
    qsort(r->sorted, *n, sizeof *r->sorted, compare_entry);
    size_t out = 0;
    for (size_t i = 0; i < *n; i++) {
        if (out > 0 && column[out - 1] == r->sorted[i].column) {
            value[out - 1] += r->sorted[i].value;
        } else {
            column[out] = r->sorted[i].column;
            value[out++] = r->sorted[i].value;
        }
    }
    *n = out;
    return SCP_OK;
}

static scp_status add_cell(reader *r, scp_bulk_sink *s, int32_t slot, size_t row, int32_t *column,
                           float *value, size_t n)
{
    bool empty = false;
    size_t bad = 0;
    SCP_TRY(merge_duplicates(r, column, value, &n));
    SCP_TRY(scp_grow(&r->addend, &r->cap_addend, n, sizeof *r->addend));
    scp_value_fault fault = scp_normalize_row(s->values, value, n, r->addend, &empty, &bad);
    if (fault != SCP_VALUE_GOOD)
        SCP_FAIL(SCP_EDATA, "%s: row %zu, column %d: %s: %g", scp_h5ad_path(r->file), row,
                 column[bad], scp_value_fault_text(fault), (double)value[bad]);
    if (empty) {
        s->empty_cells++;
        return SCP_OK;
    }
    double *sum = s->sum + (size_t)(slot - s->first) * s->G;
    for (size_t i = 0; i < n; i++) sum[column[i]] += r->addend[i];
    s->slot_cells[slot]++;
    if (s->slot_train[slot]) {
        s->train_cells++;
        for (size_t i = 0; i < n; i++) s->detected[column[i]] += value[i] > 0;
    }
    return SCP_OK;
}

/* Rows of the block that begins at `row`: as many as fit, without unwanted rows at its end. */
static size_t block_rows(const reader *r, const scp_bulk_sink *s, const int32_t *slot, size_t row,
                         size_t end)
{
    size_t n = 0, wanted = 0;
    int64_t from = values_before(r, row, s->G);
    while (row + n < end && n < BLOCK_ROWS) {
        if (n > 0 && values_before(r, row + n + 1, s->G) - from > BLOCK_VALUES) break;
        int32_t at = slot[n++];
        if (at >= s->first && at < s->end) wanted = n;
    }
    return wanted;
}

/* Rows [first, end) of the open file; slot is that of row `first` and on. */
static scp_status add_rows(reader *r, scp_bulk_sink *s, const int32_t *slot, size_t first,
                           size_t end)
{
    for (size_t row = first; row < end;) {
        const int32_t *at = slot + (row - first);
        if (*at < s->first || *at >= s->end) {
            row++;
            continue;
        }
        size_t n = block_rows(r, s, at, row, end);
        SCP_TRY(scp_h5ad_read_rows(r->file, row, n, &r->rows));
        for (size_t i = 0; i < n; i++) {
            if (at[i] < s->first || at[i] >= s->end) continue;
            int64_t begin = r->rows.indptr[i];
            SCP_TRY(add_cell(r, s, at[i], row + i, r->rows.column + begin, r->rows.value + begin,
                             (size_t)(r->rows.indptr[i + 1] - begin)));
            s->cells_done++;
        }
        scp_progress_update(s->progress, s->cells_done, NULL);
        row += n;
    }
    return SCP_OK;
}

scp_status scp_bulk_read(const char *path, const char *matrix, size_t first, size_t n,
                         const int32_t *slot, int rank, int size, scp_bulk_sink *sink)
{
    SCP_ARG(path && matrix && slot && sink, "file, slots and accumulators are required");
    scp_status st = SCP_OK;
    reader r = { 0 };
    SCP_GOTO(done, scp_h5ad_open(path, &r.file));
    SCP_GOTO(done, scp_h5ad_select_matrix(r.file, matrix));
    if (scp_h5ad_matrix_kind(r.file) == SCP_H5AD_CSR)
        SCP_GOTO(done, scp_h5ad_indptr(r.file, &r.indptr));
    size_t begin = cut(&r, first, first + n, rank, size, sink->G);
    size_t end = cut(&r, first, first + n, rank + 1, size, sink->G);
    SCP_GOTO(done, add_rows(&r, sink, slot + (begin - first), begin, end));
done:
    scp_h5ad_rows_fini(&r.rows);
    free(r.addend);
    free(r.sorted);
    scp_h5ad_close(&r.file);
    return st;
}
