/* A look at some cells of every file before all are read. */
#include <stdlib.h>

#include "base/mem.h"
#include "data/normalize.h"
#include "data/prep_plan.h"

enum { SAMPLE_BLOCKS = 16, SAMPLE_ROWS = 64 };

/* Are the values what they are declared to be, and which genes are common? */
static scp_status sample_file(scp_prep_plan *p, scp_h5ad *f, int64_t *seen)
{
    scp_status st = SCP_OK;
    scp_h5ad_rows rows = { 0 };
    scp_value_sample sample = { 0 };
    size_t n = scp_h5ad_n_obs(f);
    for (size_t b = 0; b < SAMPLE_BLOCKS && n > 0; b++) {
        size_t first = n * b / SAMPLE_BLOCKS, end = n * (b + 1) / SAMPLE_BLOCKS;
        size_t count = end - first < SAMPLE_ROWS ? end - first : SAMPLE_ROWS;
        SCP_GOTO(done, scp_h5ad_read_rows(f, first, count, &rows));
        size_t values = (size_t)rows.indptr[rows.n_rows];
        scp_value_sample_add(&sample, rows.value, values);
        for (size_t i = 0; i < values; i++) seen[rows.column[i]] += rows.value[i] > 0;
    }
    SCP_GOTO(done, scp_value_sample_check(&sample, p->map.values, scp_h5ad_path(f)));
done:
    scp_h5ad_rows_fini(&rows);
    return st;
}

typedef struct gene_rank {
    int64_t seen;
    int32_t gene;
} gene_rank;

static int compare_rank(const void *pa, const void *pb)
{
    const gene_rank *a = pa, *b = pb;
    if (a->seen != b->seen) return a->seen > b->seen ? -1 : 1;
    return (a->gene > b->gene) - (a->gene < b->gene);
}

/* Genes by how often the sample has them. */
static scp_status order_genes(scp_bulk_plan *b, const int64_t *seen)
{
    gene_rank *rank = NULL;
    SCP_TRY(scp_alloc(b->G, sizeof *b->place, &b->place));
    SCP_TRY(scp_alloc(b->G, sizeof *rank, &rank));
    for (size_t g = 0; g < b->G; g++) rank[g] = (gene_rank){ seen[g], (int32_t)g };
    qsort(rank, b->G, sizeof *rank, compare_rank);
    for (size_t i = 0; i < b->G; i++) {
        b->place[rank[i].gene] = (int32_t)i;
        b->hot += rank[i].seen > 0;
    }
    free(rank);
    return SCP_OK;
}

scp_status scp_prep_plan_sample(scp_prep_plan *p)
{
    SCP_ARG(p && p->bulk.G > 0, "a plan with genes is required");
    scp_status st = SCP_OK;
    scp_h5ad *f = NULL;
    int64_t *seen = NULL;
    SCP_TRY(scp_alloc(p->bulk.G, sizeof *seen, &seen));
    for (size_t i = 0; i < p->n_files; i++) {
        SCP_GOTO(done, scp_h5ad_open(p->path[i], &f));
        SCP_GOTO(done, scp_h5ad_select_matrix(f, p->bulk.matrix));
        SCP_GOTO(done, sample_file(p, f, seen));
        scp_h5ad_close(&f);
    }
    SCP_GOTO(done, order_genes(&p->bulk, seen));
done:
    scp_h5ad_close(&f);
    free(seen);
    return st;
}
