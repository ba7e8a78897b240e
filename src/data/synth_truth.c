/* What is true about a synthetic screen, as named arrays: truth.h5.
 *
 * Groups: gene, set (with gene sets), line, drug, pair (line x drug), plate, well (in use), key
 * (treated; rows in the order plate, well, line). key/lfc [keys, G] follows from the rest by the
 * formula of synth_design.h; with lfc = 0 it is left out. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/version.h"
#include "data/synth_write.h"
#include "io/array_file.h"

enum { LFC_BLOCK = 256 };

/* A column of a table whose rows are structs: `type` of the member, `width` of it. */
typedef struct column {
    const char *name;
    scp_array_type type;
    size_t offset, width;
} column;

/* Gather each column of n structs at `rows` (size bytes each) and write it as group/name. */
static scp_status put_columns(scp_array_file *f, const char *group, const column *columns,
                              size_t n_columns, const void *rows, size_t n, size_t size)
{
    scp_status st = SCP_OK;
    char *data = NULL, name[64];
    for (size_t i = 0; i < n_columns; i++) {
        const column *c = &columns[i];
        size_t bytes = c->width * (c->type == SCP_ARRAY_F64 || c->type == SCP_ARRAY_I64 ? 8 : 4);
        size_t dims[2] = { n, c->width };
        SCP_GOTO(done, scp_alloc(n, bytes, &data));
        for (size_t r = 0; r < n; r++)
            memcpy(data + r * bytes, (const char *)rows + r * size + c->offset, bytes);
        SCP_GOTO(done, scp_str_format(name, sizeof name, "%s/%s", group, c->name));
        SCP_GOTO(done, scp_array_file_put(f, name, c->type, c->width == 1 ? 1 : 2, dims, data));
        free(data);
        data = NULL;
    }
done:
    free(data);
    return st;
}

static scp_status put_genes(scp_array_file *f, const scp_synth_design *d)
{
    const char **name = NULL;
    SCP_TRY(scp_alloc(d->G, sizeof *name, &name));
    for (size_t g = 0; g < d->G; g++) name[g] = d->gene[g];
    scp_status st = scp_array_file_put_texts(f, "gene/name", name, d->G);
    free(name);
    SCP_TRY(st);
    SCP_TRY(scp_array_file_put(f, "gene/base", SCP_ARRAY_F64, 1, (size_t[]){ d->G }, d->base));
    SCP_TRY(scp_array_file_put(f, "gene/captured", SCP_ARRAY_F64, 0, NULL, &d->captured));
    SCP_TRY(
        scp_array_file_put(f, "gene/W", SCP_ARRAY_F32, 2, (size_t[]){ SCP_SYNTH_K, d->G }, d->W));
    SCP_TRY(
        scp_array_file_put(f, "gene/V", SCP_ARRAY_F32, 2, (size_t[]){ SCP_SYNTH_P, d->G }, d->V));
    return scp_array_file_put(f, "gene/X", SCP_ARRAY_F32, 2, (size_t[]){ SCP_SYNTH_J, d->G }, d->X);
}

/* Gene sets of the programmes: names, and members as 0 and 1. */
static scp_status put_sets(scp_array_file *f, const scp_synth_design *d)
{
    scp_status st = SCP_OK;
    int32_t *member = NULL;
    if (!d->set[0]) return SCP_OK;
    SCP_GOTO(done, scp_alloc(SCP_SYNTH_P * d->G, sizeof *member, &member));
    for (size_t p = 0; p < SCP_SYNTH_P; p++)
        for (size_t g = 0; g < d->G; g++) member[p * d->G + g] = d->gene_sets[g] >> p & 1;
    SCP_GOTO(done, scp_array_file_put_texts(f, "set/name", d->set, SCP_SYNTH_P));
    SCP_GOTO(done, scp_array_file_put(f, "set/member", SCP_ARRAY_I32, 2,
                                      (size_t[]){ SCP_SYNTH_P, d->G }, member));
done:
    free(member);
    return st;
}

static scp_status put_lines(scp_array_file *f, const scp_synth_design *d)
{
    const char *id[SCP_SYNTH_LINES], *name[SCP_SYNTH_LINES], *organ[SCP_SYNTH_LINES];
    for (size_t c = 0; c < d->C; c++) {
        id[c] = d->line[c].id;
        name[c] = d->line[c].name;
        organ[c] = d->line[c].organ;
    }
    SCP_TRY(scp_array_file_put_texts(f, "line/id", id, d->C));
    SCP_TRY(scp_array_file_put_texts(f, "line/name", name, d->C));
    SCP_TRY(scp_array_file_put_texts(f, "line/organ", organ, d->C));
    SCP_TRY(
        scp_array_file_put(f, "line/h", SCP_ARRAY_F64, 2, (size_t[]){ d->C, SCP_SYNTH_K }, d->h));
    return scp_array_file_put(f, "line/log_share", SCP_ARRAY_F32, 2, (size_t[]){ d->C, d->G },
                              d->line_log);
}

/* Effects by a Gaussian process: covariance, and the best prediction of every drug. */
static scp_status put_process(scp_array_file *f, const scp_synth_design *d)
{
    scp_status st = SCP_OK;
    int32_t *held = NULL;
    double *r = NULL, mean[SCP_SYNTH_P];
    for (size_t p = 0; p < SCP_SYNTH_P; p++) mean[p] = scp_synth_common(d, p);
    SCP_GOTO(done, scp_alloc(d->D, sizeof *held, &held));
    SCP_GOTO(done, scp_alloc(d->D, sizeof *r, &r));
    for (size_t i = 0; i < d->D; i++) {
        held[i] = d->held ? d->held[i] : 0;
        r[i] = sqrt(fmax(1.0 - d->kriging_variance[i], 0.0));
    }
    SCP_GOTO(done, scp_array_file_put(f, "drug/covariance", SCP_ARRAY_F64, 2,
                                      (size_t[]){ d->D, d->D }, d->kernel));
    SCP_GOTO(done, scp_array_file_put(f, "drug/prior_mean", SCP_ARRAY_F64, 1,
                                      (size_t[]){ SCP_SYNTH_P }, mean));
    SCP_GOTO(done,
             scp_array_file_put(f, "drug/held_out", SCP_ARRAY_I32, 1, (size_t[]){ d->D }, held));
    SCP_GOTO(done, scp_array_file_put(f, "drug/kriged", SCP_ARRAY_F64, 2,
                                      (size_t[]){ d->D, SCP_SYNTH_P }, d->kriged));
    SCP_GOTO(done, scp_array_file_put(f, "drug/kriging_variance", SCP_ARRAY_F64, 1,
                                      (size_t[]){ d->D }, d->kriging_variance));
    SCP_GOTO(done,
             scp_array_file_put(f, "drug/kriging_r", SCP_ARRAY_F64, 1, (size_t[]){ d->D }, r));
done:
    free(held);
    free(r);
    return st;
}

static scp_status put_drugs(scp_array_file *f, const scp_synth_design *d)
{
    const column columns[] = {
        { "z", SCP_ARRAY_F64, offsetof(scp_synth_drug, z), (size_t)d->cfg.axes },
        { "e", SCP_ARRAY_F64, offsetof(scp_synth_drug, e), SCP_SYNTH_P },
        { "A", SCP_ARRAY_F64, offsetof(scp_synth_drug, strength), 1 },
        { "log10_ec50", SCP_ARRAY_F64, offsetof(scp_synth_drug, log_ec50), 1 },
        { "slope", SCP_ARRAY_F64, offsetof(scp_synth_drug, slope), 1 },
        { "inert", SCP_ARRAY_I32, offsetof(scp_synth_drug, inert), 1 },
        { "sensitivity", SCP_ARRAY_F64, offsetof(scp_synth_drug, sensitivity), SCP_SYNTH_K },
    };
    const column pairs[] = {
        { "own", SCP_ARRAY_F64, offsetof(scp_synth_pair, own), SCP_SYNTH_P },
        { "ec50_shift", SCP_ARRAY_F64, offsetof(scp_synth_pair, shift), 1 },
    };
    const char **text = NULL;
    scp_status st = SCP_OK;
    SCP_GOTO(done, scp_alloc(d->D, sizeof *text, &text));
    for (size_t i = 0; i < d->D; i++) text[i] = d->drug[i].name;
    SCP_GOTO(done, scp_array_file_put_texts(f, "drug/name", text, d->D));
    for (size_t i = 0; i < d->D; i++) text[i] = d->drug[i].label;
    SCP_GOTO(done, scp_array_file_put_texts(f, "drug/label", text, d->D));
    for (size_t i = 0; i < d->D; i++) text[i] = d->drug[i].smiles;
    SCP_GOTO(done, scp_array_file_put_texts(f, "drug/canonical_smiles", text, d->D));
    SCP_GOTO(done, put_columns(f, "drug", columns, sizeof columns / sizeof *columns, d->drug, d->D,
                               sizeof *d->drug));
    SCP_GOTO(done, scp_array_file_put(f, "drug/mix", SCP_ARRAY_F64, 2,
                                      (size_t[]){ SCP_SYNTH_P, (size_t)d->cfg.axes }, d->mix));
    if (d->kernel) SCP_GOTO(done, put_process(f, d));
    SCP_GOTO(done, put_columns(f, "pair", pairs, sizeof pairs / sizeof *pairs, d->pair, d->C * d->D,
                               sizeof *d->pair));
done:
    free(text);
    return st;
}

typedef struct well_row {
    int32_t plate, position, drug, failed;
    double dose, depth, coef[SCP_SYNTH_J];
} well_row;
typedef struct key_row {
    int32_t plate, position, line, drug, cells;
    double dose, magnitude;
} key_row;

static scp_status put_wells(scp_array_file *f, const scp_synth_design *d)
{
    static const column columns[] = {
        { "plate", SCP_ARRAY_I32, offsetof(well_row, plate), 1 },
        { "position", SCP_ARRAY_I32, offsetof(well_row, position), 1 },
        { "drug", SCP_ARRAY_I32, offsetof(well_row, drug), 1 },
        { "failed", SCP_ARRAY_I32, offsetof(well_row, failed), 1 },
        { "dose", SCP_ARRAY_F64, offsetof(well_row, dose), 1 },
        { "depth", SCP_ARRAY_F64, offsetof(well_row, depth), 1 },
        { "coef", SCP_ARRAY_F64, offsetof(well_row, coef), SCP_SYNTH_J },
    };
    well_row *rows = NULL;
    size_t n = 0;
    SCP_TRY(scp_alloc(d->n_plates * SCP_SYNTH_WELLS, sizeof *rows, &rows));
    for (size_t p = 0; p < d->n_plates; p++)
        for (int w = 0; w < SCP_SYNTH_WELLS; w++) {
            const scp_synth_well *well = &d->plate[p].well[w];
            if (well->drug == SCP_SYNTH_EMPTY) continue;
            well_row *r = &rows[n++];
            *r = (well_row){ .plate = d->plate[p].number,
                             .position = w + 1,
                             .drug = well->drug,
                             .failed = well->failed,
                             .depth = well->depth,
                             .dose = well->drug < 0 ? 0.0 : scp_synth_dose[well->dose] };
            memcpy(r->coef, well->coef, sizeof r->coef);
        }
    scp_status st =
        put_columns(f, "well", columns, sizeof columns / sizeof *columns, rows, n, sizeof *rows);
    free(rows);
    SCP_TRY(st);
    for (size_t p = 0; p < d->n_plates; p++)
        SCP_TRY(scp_array_file_append(f, "plate/gene", SCP_ARRAY_F32, 1, d->G, d->plate[p].gene));
    return SCP_OK;
}

/* The treated keys [*n] in the order of the file. *out owned by the caller. */
static scp_status list_keys(const scp_synth_design *d, key_row **out, size_t *n)
{
    *n = 0;
    SCP_TRY(scp_alloc(d->n_plates * SCP_SYNTH_WELLS * d->C, sizeof **out, out));
    for (size_t p = 0; p < d->n_plates; p++)
        for (int w = 0; w < SCP_SYNTH_WELLS; w++)
            for (size_t c = 0; c < d->C; c++) {
                const scp_synth_plate *plate = &d->plate[p];
                int drug = plate->well[w].drug, dose = plate->well[w].dose;
                if (drug < 0) continue;
                (*out)[(*n)++] =
                    (key_row){ .plate = plate->number,
                               .position = w + 1,
                               .line = (int32_t)c,
                               .drug = drug,
                               .cells = plate->well[w].cells[c],
                               .dose = scp_synth_dose[dose],
                               .magnitude = scp_synth_magnitude(d, c, (size_t)drug, dose) };
            }
    return SCP_OK;
}

static int dose_index(double dose)
{
    return dose == scp_synth_dose[0] ? 0 : dose == scp_synth_dose[1] ? 1 : 2;
}

static scp_status put_keys(scp_array_file *f, const scp_synth_design *d)
{
    static const column columns[] = {
        { "plate", SCP_ARRAY_I32, offsetof(key_row, plate), 1 },
        { "position", SCP_ARRAY_I32, offsetof(key_row, position), 1 },
        { "line", SCP_ARRAY_I32, offsetof(key_row, line), 1 },
        { "drug", SCP_ARRAY_I32, offsetof(key_row, drug), 1 },
        { "cells", SCP_ARRAY_I32, offsetof(key_row, cells), 1 },
        { "dose", SCP_ARRAY_F64, offsetof(key_row, dose), 1 },
        { "magnitude", SCP_ARRAY_F64, offsetof(key_row, magnitude), 1 },
    };
    scp_status st = SCP_OK;
    key_row *keys = NULL;
    float *lfc = NULL;
    size_t n = 0;
    SCP_GOTO(done, list_keys(d, &keys, &n));
    SCP_GOTO(done, put_columns(f, "key", columns, sizeof columns / sizeof *columns, keys, n,
                               sizeof *keys));
    if (!d->cfg.lfc) goto done;
    SCP_GOTO(done, scp_alloc(LFC_BLOCK * d->G, sizeof *lfc, &lfc));
    for (size_t i = 0; i < n; i += LFC_BLOCK) {
        size_t m = n - i < LFC_BLOCK ? n - i : LFC_BLOCK;
        for (size_t k = 0; k < m; k++) {
            const key_row *key = &keys[i + k];
            scp_synth_lfc(d, (size_t)key->line, (size_t)key->drug, dose_index(key->dose),
                          lfc + k * d->G);
        }
        SCP_GOTO(done, scp_array_file_append(f, "key/lfc", SCP_ARRAY_F32, m, d->G, lfc));
    }
done:
    free(keys);
    free(lfc);
    return st;
}

static scp_status put_settings(scp_array_file *f, const scp_synth_design *d)
{
    scp_strbuf text = { 0 };
    scp_status st = scp_synth_config_text(&d->cfg, &text);
    if (st == SCP_OK) st = scp_array_file_put_text(f, "settings", text.text);
    scp_strbuf_fini(&text);
    SCP_TRY(st);
    SCP_TRY(scp_array_file_put_text(f, "version", scp_version_git()));
    return scp_array_file_put(f, "seed", SCP_ARRAY_I64, 0, NULL, &d->cfg.seed);
}

scp_status scp_synth_write_truth(const scp_synth_design *d, const char *path)
{
    scp_status st = SCP_OK;
    scp_array_file *f = NULL;
    SCP_GOTO(done, scp_array_file_create(path, &f));
    SCP_GOTO(done, put_settings(f, d));
    SCP_GOTO(done, put_genes(f, d));
    SCP_GOTO(done, put_sets(f, d));
    SCP_GOTO(done, put_lines(f, d));
    SCP_GOTO(done, put_drugs(f, d));
    SCP_GOTO(done, put_wells(f, d));
    SCP_GOTO(done, put_keys(f, d));
    return scp_array_file_commit(&f);
done:
    scp_array_file_close(&f);
    return st;
}
