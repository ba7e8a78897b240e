/* Write predictions of a shard's UC pairs with something wrong: make_pred SHARD FILE KIND. For
 * tests that run the programs. The prediction is the mean of control and truth, in other orders of
 * rows and genes than the shard's. Kinds: good; both (UD pairs as well); genes (one renamed); fewer
 * (a gene left out); twice (a gene two times); missing (the last pair left out); extra (a drug of
 * nobody); nan; negative; noline (no column of cell lines); baddose. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "comm/world.h"
#include "io/h5ad.h"
#include "io/shard.h"

typedef struct file {
    const scp_dataset *d;
    const char *kind;
    int32_t *row; /* [n] pairs, last first */
    size_t n, G;
    float *x;           /* [G] */
    const char **text;  /* [max(n + 1, G)] scratch of a column */
    char (*number)[32]; /* [n + 1] names of the rows */
    double *dose;       /* [n + 1] */
} file;

static bool is(const file *f, const char *kind)
{
    return strcmp(f->kind, kind) == 0;
}

static const float *profile(const file *f, int32_t p)
{
    return f->d->x + (size_t)p * f->d->G;
}

static scp_status write_rows(const file *f, scp_h5ad_writer *w)
{
    const size_t G = f->d->G;
    for (size_t i = 0; i < f->n; i++) {
        const float *y = profile(f, f->d->post[f->row[i]]), *c = profile(f, f->d->pre[f->row[i]]);
        for (size_t g = 0; g < f->G; g++) f->x[g] = 0.5f * (y[G - 1 - g] + c[G - 1 - g]);
        if (i == 1 && is(f, "nan")) f->x[3] = NAN;
        if (i == 1 && is(f, "negative")) f->x[3] = -2;
        SCP_TRY(scp_h5ad_write_dense(w, f->x, 1));
    }
    return SCP_OK;
}

static scp_status write_genes(const file *f, scp_h5ad_writer *w)
{
    for (size_t g = 0; g < f->G; g++) f->text[g] = f->d->gene[f->d->G - 1 - g];
    if (is(f, "genes")) f->text[4] = "ALIEN";
    if (is(f, "twice")) f->text[4] = f->text[5];
    return scp_h5ad_write_index(w, "var", "_index", f->text);
}

static int32_t post(const file *f, size_t i)
{
    return f->d->post[f->row[i]];
}

static scp_status write_keys(const file *f, scp_h5ad_writer *w)
{
    const scp_dataset *d = f->d;
    for (size_t i = 0; i < f->n; i++) f->text[i] = f->number[i];
    SCP_TRY(scp_h5ad_write_index(w, "obs", "_index", f->text));
    for (size_t i = 0; i < f->n; i++) f->text[i] = d->line[d->p_line[post(f, i)]];
    SCP_TRY(scp_h5ad_write_text(w, "obs", is(f, "noline") ? "line" : "cell_name", f->text));
    for (size_t i = 0; i < f->n; i++) f->text[i] = d->plate[d->p_plate[post(f, i)]];
    SCP_TRY(scp_h5ad_write_text(w, "obs", "plate", f->text));
    for (size_t i = 0; i < f->n; i++) f->text[i] = d->drug[d->p_drug[post(f, i)]];
    if (is(f, "extra")) f->text[0] = "Nostrum";
    SCP_TRY(scp_h5ad_write_text(w, "obs", "drug", f->text));
    for (size_t i = 0; i < f->n; i++) f->text[i] = "5 uM";
    if (is(f, "baddose")) return scp_h5ad_write_text(w, "obs", "dose_uM", f->text);
    return scp_h5ad_write_real(w, "obs", "dose_uM", f->dose);
}

static scp_status write_file(const file *f, const char *path)
{
    const scp_h5ad_write_options options = { .csr = false };
    scp_h5ad_writer *w = NULL;
    scp_status st = SCP_OK;
    SCP_GOTO(done, scp_h5ad_writer_create(path, f->n, f->G, &options, &w));
    SCP_GOTO(done, write_rows(f, w));
    SCP_GOTO(done, write_genes(f, w));
    SCP_GOTO(done, write_keys(f, w));
    SCP_GOTO(done, scp_h5ad_writer_commit(&w));
done:
    scp_h5ad_writer_abort(&w);
    return st;
}

/* Pairs in reverse; "extra" repeats the last one under another drug. */
static scp_status choose_rows(file *f)
{
    int32_t *rows = NULL;
    size_t n = 0;
    scp_status st = SCP_OK;
    f->G = f->d->G - is(f, "fewer");
    SCP_TRY(scp_alloc(f->d->N, sizeof *rows, &rows));
    for (size_t i = 0; i < f->d->N; i++)
        if (f->d->split[i] == SCP_SPLIT_UC || (is(f, "both") && f->d->split[i] == SCP_SPLIT_UD))
            rows[n++] = (int32_t)i;
    SCP_GOTO(done, scp_alloc(n + 1, sizeof *f->row, &f->row));
    SCP_GOTO(done, scp_alloc(n + 1, sizeof *f->number, &f->number));
    SCP_GOTO(done, scp_alloc(n + 1, sizeof *f->dose, &f->dose));
    SCP_GOTO(done, scp_alloc(f->d->G, sizeof *f->x, &f->x));
    SCP_GOTO(done, scp_alloc(n + 1 + f->d->G, sizeof *f->text, &f->text));
    if (is(f, "extra")) f->row[f->n++] = rows[n - 1];
    for (size_t i = n; i-- > 0;) f->row[f->n++] = rows[i];
    f->n -= is(f, "missing");
    for (size_t i = 0; i < f->n; i++) {
        snprintf(f->number[i], sizeof f->number[i], "row%zu", i);
        f->dose[i] = f->d->p_dose[post(f, i)];
    }
done:
    free(rows);
    return st;
}

static scp_status make(scp_comm *world, char **argv)
{
    scp_dataset d = { 0 };
    file f = { .d = &d, .kind = argv[3] };
    scp_status st = SCP_OK;
    SCP_GOTO(done, scp_shard_read(world, argv[1], &d));
    SCP_GOTO(done, choose_rows(&f));
    SCP_GOTO(done, write_file(&f, argv[2]));
done:
    free(f.row);
    free(f.number);
    free(f.dose);
    free(f.x);
    free(f.text);
    scp_dataset_fini(&d);
    return st;
}

int main(int argc, char **argv)
{
    scp_comm *world;
    if (scp_world_begin(&argc, &argv, &world) != SCP_OK || argc != 4) return 1;
    scp_status st = make(world, argv);
    if (st != SCP_OK) fprintf(stderr, "%s\n%s", scp_err_message(), scp_err_chain());
    return scp_world_end(&world) != SCP_OK || st != SCP_OK;
}
