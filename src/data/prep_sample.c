/* A look at some cells of every file before all are read. */
#include <stdlib.h>

#include "base/mem.h"
#include "base/str.h"
#include "data/normalize.h"
#include "data/prep_plan.h"
#include "io/h5ad_stream.h"

enum { SAMPLE_BLOCKS = 16, SAMPLE_ROWS = 256, SAMPLE_VALUES = 1 << 16, SAMPLE_THREADS = 16 };

/* What a thread saw. */
typedef struct sampled {
    scp_value_sample value;
    int32_t *seen;     /* [G] rows with a value above 0 */
    size_t fractional; /* the first row with a value that is not whole */
} sampled;

typedef struct sampling {
    const int32_t *taken; /* 0: a row of the sample */
    sampled *of;          /* [threads]              */
} sampling;

static scp_status add_rows(void *ctx, int thread, const size_t *row, scp_h5ad_rows *rows)
{
    const sampling *all = ctx;
    sampled *s = &all->of[thread];
    for (size_t i = 0; i < rows->n_rows; i++) {
        size_t at = (size_t)rows->indptr[i], end = (size_t)rows->indptr[i + 1];
        if (all->taken[row[i]] != 0) continue;
        int64_t fractions = s->value.n - s->value.integral;
        scp_value_sample_add(&s->value, rows->value + at, end - at);
        if (s->value.n - s->value.integral > fractions && row[i] < s->fractional)
            s->fractional = row[i];
        for (size_t k = at; k < end; k++) s->seen[rows->column[k]] += rows->value[k] > 0;
    }
    return SCP_OK;
}

/* The sum of what the threads saw, in the first of them; genes are added to seen [G]. */
static void add_up(sampled *of, int threads, size_t G, int64_t *seen)
{
    for (int t = 0; t < threads; t++) {
        for (size_t g = 0; g < G; g++) seen[g] += of[t].seen[g];
        if (t > 0) scp_value_sample_join(&of[0].value, &of[t].value);
        if (of[t].fractional < of[0].fractional) of[0].fractional = of[t].fractional;
    }
}

/* The rows to be looked at: some from each of several places. */
static void take_rows(int32_t *taken, size_t n)
{
    for (size_t i = 0; i < n; i++) taken[i] = 1;
    for (size_t b = 0; b < SAMPLE_BLOCKS; b++) {
        size_t first = n * b / SAMPLE_BLOCKS, end = n * (b + 1) / SAMPLE_BLOCKS;
        for (size_t i = first; i < end && i < first + SAMPLE_ROWS; i++) taken[i] = 0;
    }
}

/* Are the values what they are declared to be, and which genes are common? */
static scp_status sample_file(scp_prep_plan *p, scp_h5ad *f, int64_t *seen)
{
    scp_status st = SCP_OK;
    int32_t *taken = NULL;
    sampled *of = NULL;
    char where[SCP_PATH_MAX];
    const int threads = p->bulk.threads < SAMPLE_THREADS ? p->bulk.threads : SAMPLE_THREADS;
    const size_t n = scp_h5ad_n_obs(f), G = p->bulk.G;
    SCP_GOTO(done, scp_alloc(n, sizeof *taken, &taken));
    take_rows(taken, n);
    SCP_GOTO(done, scp_alloc((size_t)threads, sizeof *of, &of));
    for (int t = 0; t < threads; t++) {
        of[t].fractional = SIZE_MAX;
        SCP_GOTO(done, scp_alloc(G, sizeof *of[t].seen, &of[t].seen));
    }
    const scp_h5ad_stream_options o = { .n = n, .threads = threads, .slot = taken, .slot_end = 1 };
    SCP_GOTO(done, scp_h5ad_stream(f, &o, add_rows, &(sampling){ taken, of }, NULL));
    add_up(of, threads, G, seen);
    SCP_GOTO(done, scp_str_format(where, sizeof where, "%s", scp_h5ad_path(f)));
    if (of->fractional < SIZE_MAX)
        SCP_GOTO(done, scp_str_format(where, sizeof where, "%s: row %zu", scp_h5ad_path(f),
                                      of->fractional));
    SCP_GOTO(done, scp_value_sample_check(&of->value, p->map.values, where));
done:
    for (int t = 0; of && t < threads; t++) free(of[t].seen);
    free(of);
    free(taken);
    return st;
}

/* The same of a matrix that is stored by genes, where rows would cost a pass over all of it: the
 * number of entries of each gene, and values from some places. */
static scp_status sample_csc(scp_prep_plan *p, scp_h5ad *f, int64_t *seen)
{
    scp_status st = SCP_OK;
    scp_value_sample values = { 0 };
    int64_t *entries = NULL;
    float *value = NULL;
    size_t n = 0;
    SCP_GOTO(done, scp_alloc(p->bulk.G, sizeof *entries, &entries));
    SCP_GOTO(done, scp_alloc(SAMPLE_VALUES, sizeof *value, &value));
    SCP_GOTO(done, scp_h5ad_look_csc(f, entries, SAMPLE_VALUES, value, &n));
    scp_value_sample_add(&values, value, n);
    for (size_t g = 0; g < p->bulk.G; g++) seen[g] += entries[g];
    SCP_GOTO(done, scp_value_sample_check(&values, p->map.values, scp_h5ad_path(f)));
done:
    free(value);
    free(entries);
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
        SCP_GOTO(done, scp_prep_plan_file(p, i, &f));
        bool csc = scp_h5ad_matrix_kind(f) == SCP_H5AD_CSC;
        SCP_GOTO(done, csc ? sample_csc(p, f, seen) : sample_file(p, f, seen));
    }
    SCP_GOTO(done, order_genes(&p->bulk, seen));
done:
    scp_h5ad_close(&p->open);
    free(seen);
    return st;
}
