/* From parts to the shard: totals, and the chosen columns of all rows. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "data/bulk_impl.h"
#include "data/normalize.h"

#define MERGE_BYTES ((size_t)8 << 20) /* rows of a part that are read at a time */

/* Moments of all training profiles, added as whole numbers. */
static scp_status add_moments(const scp_bulk_plan *p, scp_bulk_result *out)
{
    scp_status st = SCP_OK;
    int64_t *sum = NULL, *square = NULL;
    SCP_GOTO(done, scp_alloc(p->G, sizeof *sum, &sum));
    SCP_GOTO(done, scp_alloc(p->G, sizeof *square, &square));
    for (size_t i = 0; i < out->parts->n; i++) {
        const scp_part *part = &out->parts->part[i];
        for (size_t k = 0; k < part->K; k++) {
            sum[part->gene[k]] += part->sum[k];
            square[part->gene[k]] += part->square[k];
        }
    }
    for (size_t g = 0; g < p->G; g++) {
        out->sum[g] = (double)sum[g] * SCP_SUM_UNIT;
        out->square[g] = (double)square[g] * SCP_SQUARE_UNIT;
    }
done:
    free(sum);
    free(square);
    return st;
}

scp_status scp_bulk_totals(const scp_bulk_plan *p, scp_bulk_result *out)
{
    const scp_bulk_parts *parts = out->parts;
    for (size_t i = 0; i < parts->n; i++) {
        const scp_part *part = &parts->part[i];
        memcpy(out->slot_cells + p->first_slot[part->first], part->slot_cells,
               part->slots * sizeof *part->slot_cells);
        for (size_t k = 0; k < part->K; k++) out->detected[part->gene[k]] += part->detected[k];
        out->train_cells += part->train_cells;
        out->empty_cells += part->empty_cells;
        for (size_t f = 0; f < p->n_files; f++) {
            if (!part->has_digest[f]) continue;
            out->digest[f] = part->digest[f];
            out->has_digest[f] = 1;
        }
    }
    for (size_t i = 0; i < p->P; i++) out->profiles += p->train[i];
    return add_moments(p, out);
}

/* One matrix on its way into the shard: this rank's rows [at, end), block by block; every rank
 * takes the same number of steps. */
typedef struct merge {
    scp_comm *comm;
    const scp_bulk_parts *parts;
    int matrix;
    size_t at, end, block, steps;
    size_t n;              /* chosen columns                                      */
    const int32_t *column; /* [n]                                                 */
    int32_t *from;         /* [n] place of a column in the rows of the part in use */
    float *x, *y;          /* [block, most genes of a part], [block, n]           */
    size_t in_use;         /* number of that part + 1; 0: none                    */
    size_t part_row;       /* its first row in the matrix                         */
    scp_part_reader *reader;
} merge;

/* Where the chosen columns lie in a part; -1: nowhere, so all values are 0. */
static scp_status locate(merge *m, const scp_part *part, size_t G)
{
    int32_t *where = NULL;
    SCP_TRY(scp_alloc(G, sizeof *where, &where));
    for (size_t k = 0; k < part->K; k++) where[part->gene[k]] = (int32_t)k + 1;
    for (size_t i = 0; i < m->n; i++) m->from[i] = m->column[i] < 0 ? -1 : where[m->column[i]] - 1;
    free(where);
    return SCP_OK;
}

/* Open the part that has row m->at. */
static scp_status use_part(merge *m, size_t G)
{
    size_t i = m->in_use > 0 ? m->in_use - 1 : 0;
    size_t row = m->in_use > 0 ? m->part_row : 0;
    while (m->at >= row + m->parts->part[i].rows[m->matrix])
        row += m->parts->part[i++].rows[m->matrix];
    if (m->in_use == i + 1) return SCP_OK;
    char path[SCP_PATH_MAX];
    const scp_part *part = &m->parts->part[i];
    scp_part_close(&m->reader);
    SCP_TRY(scp_bulk_part_path(m->parts, (scp_bulk_range){ part->first, part->end }, path,
                               sizeof path));
    SCP_TRY(scp_part_open(path, part, &m->reader));
    m->in_use = i + 1;
    m->part_row = row;
    return locate(m, part, G);
}

static void pick(const merge *m, const float *x, float *y)
{
    for (size_t i = 0; i < m->n; i++) y[i] = m->from[i] < 0 ? 0 : x[m->from[i]];
}

/* Fill y with the next rows, from as many parts as they lie in. */
static scp_status read_block(merge *m, size_t G, size_t rows)
{
    for (size_t done = 0; done < rows;) {
        SCP_TRY(use_part(m, G));
        const scp_part *part = &m->parts->part[m->in_use - 1];
        size_t left = m->part_row + part->rows[m->matrix] - m->at;
        size_t n = rows - done < left ? rows - done : left;
        SCP_TRY(scp_part_rows(m->reader, m->matrix, m->at - m->part_row, n, m->x));
        for (size_t i = 0; i < n; i++) pick(m, m->x + i * part->K, m->y + (done + i) * m->n);
        m->at += n;
        done += n;
    }
    return SCP_OK;
}

static scp_status begin(merge *m, size_t rows)
{
    size_t size = (size_t)scp_comm_size(m->comm), most = (rows + size - 1) / size, widest = 1;
    scp_comm_share(m->comm, rows, &m->at, &m->end);
    for (size_t i = 0; i < m->parts->n; i++)
        if (m->parts->part[i].K > widest) widest = m->parts->part[i].K;
    size_t columns = m->n > widest ? m->n : widest; /* a list may have more than the files */
    m->block = MERGE_BYTES / (columns * sizeof *m->x) + 1;
    if (m->block > most) m->block = most > 0 ? most : 1;
    m->steps = (most + m->block - 1) / m->block;
    SCP_TRY(scp_alloc(m->n, sizeof *m->from, &m->from));
    SCP_TRY(scp_alloc(m->block * widest, sizeof *m->x, &m->x));
    return scp_alloc(m->block * m->n, sizeof *m->y, &m->y);
}

static scp_status merge_matrix(merge *m, size_t rows, size_t G, scp_shard_writer *to)
{
    scp_status st = SCP_OK;
    SCP_GOTO(done, scp_agree(m->comm, begin(m, rows)));
    for (size_t k = 0; k < m->steps; k++) {
        size_t first = m->at, n = m->end - m->at < m->block ? m->end - m->at : m->block;
        SCP_GOTO(done, scp_agree(m->comm, read_block(m, G, n)));
        SCP_GOTO(done, scp_shard_put(to, (scp_shard_matrix)m->matrix, first, n, m->y));
    }
done:
    scp_part_close(&m->reader);
    free(m->from);
    free(m->x);
    free(m->y);
    return st;
}

scp_status scp_bulk_merge(scp_comm *comm, const scp_bulk_plan *p, const scp_bulk_result *from,
                          const int32_t *column, size_t n, scp_shard_writer *to)
{
    SCP_ARG(comm && p && from && from->parts && column && to, "parts and columns are required");
    const size_t rows[SCP_ROWS_MATRICES] = { p->P, p->R };
    if (from->only) return scp_bulk_write_only(from->only, column, n, to);
    for (int i = 0; i < SCP_ROWS_MATRICES; i++) {
        merge m = { .comm = comm, .parts = from->parts, .matrix = i, .n = n, .column = column };
        SCP_TRY(merge_matrix(&m, rows[i], p->G, to));
    }
    return SCP_OK;
}
