/* A plate of key means. */
#include "data/synth_keys.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "data/synth_atlas.h"
#include "data/synth_cells.h"
#include "data/synth_moments.h"
#include "data/synth_rng.h"
#include "io/h5ad.h"

enum { INDEX_CHARS = 64, LABEL_CHARS = 16 };

typedef struct key { /* one row */
    size_t well, line;
    int32_t cells;
} key;

typedef struct keys_file {
    const scp_synth_design *d;
    const scp_synth_plate *plate;
    size_t at, n; /* plate; rows */
    key *key;     /* [n] */
    scp_h5ad_writer *w;
    scp_synth_sampler *sampler;
    scp_synth_moments *moments;
    float *x, *mean, *variance; /* [C, G] rows of a well; [G], [G] of one */
    double *noise;              /* [G] */
    int32_t *code;              /* [n] scratch of a column */
    void *number;               /* [n] scratch, 8 bytes each */
} keys_file;

static scp_status list_keys(keys_file *f)
{
    SCP_TRY(scp_alloc(SCP_SYNTH_WELLS * f->d->C, sizeof *f->key, &f->key));
    for (size_t w = 0; w < SCP_SYNTH_WELLS; w++)
        for (size_t c = 0; c < f->d->C; c++)
            if (f->plate->well[w].cells[c] > 0)
                f->key[f->n++] = (key){ w, c, f->plate->well[w].cells[c] };
    if (f->n == 0) SCP_FAIL(SCP_EDATA, "plate %d has no cell", f->plate->number);
    return SCP_OK;
}

/* Row of a key: expected mean and noise. */
static void make_row(const keys_file *f, const key *k, float *x)
{
    const scp_synth_design *d = f->d;
    uint64_t step = (uint64_t)f->plate->number << 32 | SCP_SYNTH_S_KEY;
    double scale = 1.0 / sqrt((double)k->cells);
    scp_synth_moments_get(f->moments, f->plate->well[k->well].depth,
                          scp_synth_sampler_rates(f->sampler, k->line), d->G, f->mean, f->variance);
    scp_rng_fill_normal((uint64_t)d->cfg.seed, SCP_RNG_SYNTH, step,
                        (uint64_t)k->well << 32 | k->line, d->G, f->noise);
    for (size_t g = 0; g < d->G; g++) {
        double v = (double)f->mean[g] + scale * sqrt((double)f->variance[g]) * f->noise[g];
        x[g] = v > 0.0 ? (float)v : 0.0f;
    }
}

static scp_status write_values(keys_file *f, int64_t *values)
{
    size_t G = f->d->G;
    for (size_t i = 0; i < f->n;) {
        size_t w = f->key[i].well, m = 0;
        scp_synth_sampler_well(f->sampler, f->at, w);
        while (i + m < f->n && f->key[i + m].well == w) {
            make_row(f, &f->key[i + m], f->x + m * G);
            m++;
        }
        for (size_t k = 0; k < m * G; k++) *values += f->x[k] > 0.0f;
        SCP_TRY(scp_h5ad_write_dense(f->w, f->x, m));
        i += m;
    }
    return SCP_OK;
}

/* ---- columns ---- */

static scp_status write_index(keys_file *f)
{
    scp_status st = SCP_OK;
    char *text = NULL;
    const char **list = f->number;
    SCP_GOTO(done, scp_alloc(f->n, INDEX_CHARS, &text));
    for (size_t i = 0; i < f->n; i++) {
        snprintf(text + i * INDEX_CHARS, INDEX_CHARS, "plate%d_%02zu_%s", f->plate->number,
                 f->key[i].well + 1, f->d->line[f->key[i].line].id);
        list[i] = text + i * INDEX_CHARS;
    }
    SCP_GOTO(done, scp_h5ad_write_index(f->w, "obs", "key", list));
done:
    free(text);
    return st;
}

static scp_status write_lines(keys_file *f)
{
    const char *label[SCP_SYNTH_LINES];
    for (size_t i = 0; i < f->n; i++) f->code[i] = (int32_t)f->key[i].line;
    for (size_t c = 0; c < f->d->C; c++) label[c] = f->d->line[c].id;
    SCP_TRY(scp_h5ad_write_categorical(f->w, "obs", "cell_line", f->code, label, f->d->C));
    for (size_t c = 0; c < f->d->C; c++) label[c] = f->d->line[c].name;
    return scp_h5ad_write_categorical(f->w, "obs", "cell_name", f->code, label, f->d->C);
}

/* Labels of the plate's drugs, each once; the vehicle is one of them. */
static scp_status write_drugs(keys_file *f)
{
    scp_status st = SCP_OK;
    scp_names *names = NULL;
    const char *label[SCP_SYNTH_WELLS];
    size_t code[SCP_SYNTH_WELLS] = { 0 };
    SCP_GOTO(done, scp_names_create(&names));
    for (size_t w = 0; w < SCP_SYNTH_WELLS; w++) {
        int drug = f->plate->well[w].drug;
        if (drug == SCP_SYNTH_EMPTY) continue;
        SCP_GOTO(done,
                 scp_names_add(names, drug < 0 ? SCP_SYNTH_VEHICLE_NAME : f->d->drug[drug].label,
                               &code[w]));
    }
    for (size_t i = 0; i < scp_names_count(names); i++) label[i] = scp_names_get(names, i);
    for (size_t i = 0; i < f->n; i++) f->code[i] = (int32_t)code[f->key[i].well];
    SCP_GOTO(done, scp_h5ad_write_categorical(f->w, "obs", "drug", f->code, label,
                                              scp_names_count(names)));
done:
    scp_names_destroy(&names);
    return st;
}

static scp_status write_constant(keys_file *f, const char *column, const char *text)
{
    memset(f->code, 0, f->n * sizeof *f->code);
    return scp_h5ad_write_categorical(f->w, "obs", column, f->code, &text, 1);
}

static scp_status write_obs(keys_file *f)
{
    double *dose = f->number;
    int64_t *n = f->number;
    char plate[LABEL_CHARS];
    snprintf(plate, sizeof plate, "plate%d", f->plate->number);
    SCP_TRY(write_index(f));
    SCP_TRY(write_lines(f));
    SCP_TRY(write_drugs(f));
    for (size_t i = 0; i < f->n; i++) {
        const scp_synth_well *w = &f->plate->well[f->key[i].well];
        dose[i] = w->drug < 0 ? 0.0 : scp_synth_dose[w->dose];
    }
    SCP_TRY(scp_h5ad_write_real(f->w, "obs", "dose", dose));
    SCP_TRY(write_constant(f, "dose_unit", "uM"));
    SCP_TRY(write_constant(f, "plate", plate));
    for (size_t i = 0; i < f->n; i++) n[i] = (int64_t)f->key[i].well + 1;
    SCP_TRY(scp_h5ad_write_int(f->w, "obs", "well", n));
    for (size_t i = 0; i < f->n; i++) n[i] = f->key[i].cells;
    return scp_h5ad_write_int(f->w, "obs", "n_cells", n);
}

static scp_status write_var(keys_file *f)
{
    const char **name = NULL;
    SCP_TRY(scp_alloc(f->d->G, sizeof *name, &name));
    for (size_t g = 0; g < f->d->G; g++) name[g] = f->d->gene[g];
    scp_status st = scp_h5ad_write_index(f->w, "var", "gene_name", name);
    free(name);
    return st;
}

scp_status scp_synth_write_keys(const scp_synth_design *d, size_t plate, const char *path,
                                int64_t *rows, int64_t *values)
{
    scp_status st = SCP_OK;
    keys_file f = { .d = d, .plate = &d->plate[plate], .at = plate };
    scp_h5ad_write_options options = { .deflate = (int)d->cfg.deflate, .shuffle = true };
    SCP_GOTO(done, list_keys(&f));
    SCP_GOTO(done, scp_alloc(f.n, sizeof *f.code, &f.code));
    SCP_GOTO(done, scp_alloc(f.n, 8, &f.number));
    SCP_GOTO(done, scp_alloc(d->C * d->G, sizeof *f.x, &f.x));
    SCP_GOTO(done, scp_alloc(d->G, sizeof *f.mean, &f.mean));
    SCP_GOTO(done, scp_alloc(d->G, sizeof *f.variance, &f.variance));
    SCP_GOTO(done, scp_alloc(d->G, sizeof *f.noise, &f.noise));
    SCP_GOTO(done, scp_synth_sampler_create(d, &f.sampler));
    SCP_GOTO(done, scp_synth_moments_create(d, &f.moments));
    SCP_GOTO(done, scp_h5ad_writer_create(path, f.n, d->G, &options, &f.w));
    SCP_GOTO(done, write_values(&f, values));
    SCP_GOTO(done, write_obs(&f));
    SCP_GOTO(done, write_var(&f));
    SCP_GOTO(done, scp_h5ad_writer_commit(&f.w));
    *rows += (int64_t)f.n;
done:
    scp_h5ad_writer_abort(&f.w);
    scp_synth_moments_destroy(&f.moments);
    scp_synth_sampler_destroy(&f.sampler);
    void *owned[] = { f.key, f.code, f.number, f.x, f.mean, f.variance, f.noise };
    for (size_t i = 0; i < sizeof owned / sizeof *owned; i++) free(owned[i]);
    return st;
}
