/* The sample table of Tahoe-100M as the plan of a screen's wells. */
#include "data/synth_atlas.h"

#include <string.h>

#include "base/mem.h"
#include "data/dose.h"
#include "io/tsv.h"

static const double mean_depth = 2293.0; /* counts a cell, mean over the atlas's wells */

typedef struct sample {
    int plate, well, dose; /* number; 0-based; index into scp_synth_dose */
    int64_t drug;          /* index into the drugs, or SCP_SYNTH_VEHICLE */
    double depth;          /* 0: not known */
    size_t row;            /* of the table */
} sample;

struct scp_synth_atlas {
    sample *sample; /* [n] by plate and well */
    size_t n, n_plates, cap_labels;
    int plate[SCP_SYNTH_PLATES];
    scp_names *drug, *label; /* trimmed names; labels as they stand, each once */
    size_t *label_of;        /* [drugs] */
};

scp_status scp_synth_plate_list(const char *text, int list[SCP_SYNTH_PLATES], size_t *n)
{
    char copy[1024], *field[SCP_SYNTH_PLATES];
    bool on[SCP_SYNTH_PLATES + 1] = { false };
    SCP_TRY(scp_str_format(copy, sizeof copy, "%s", text));
    size_t fields = scp_str_split(copy, ',', field, SCP_SYNTH_PLATES);
    if (fields > SCP_SYNTH_PLATES) fields = 0;
    for (size_t i = 0; i < fields; i++) {
        char *dash = strchr(field[i], '-');
        int64_t first, last;
        if (dash) *dash = '\0';
        if (scp_parse_int(field[i], &first) != SCP_OK ||
            scp_parse_int(dash ? dash + 1 : field[i], &last) != SCP_OK || first < 1 ||
            last > SCP_SYNTH_PLATES || first > last) {
            fields = 0;
            break;
        }
        for (int64_t k = first; k <= last; k++) on[k] = true;
    }
    scp_err_clear();
    if (fields == 0)
        SCP_FAIL(SCP_EUSAGE, "\"%s\" is no list of plates; write numbers of 1 to %d such as 1-3,14",
                 text, SCP_SYNTH_PLATES);
    *n = 0;
    for (int k = 1; k <= SCP_SYNTH_PLATES; k++)
        if (on[k]) list[(*n)++] = k;
    return SCP_OK;
}

/* ---- sample table ---- */

typedef struct sample_columns {
    size_t sample, plate, label;
    int64_t depth; /* -1: not there */
} sample_columns;

int scp_synth_dose_index(double uM)
{
    for (int x = 0; x < 3; x++)
        if (uM == scp_synth_dose[x]) return x;
    return -1;
}

int scp_synth_plate_number(const char *text)
{
    int64_t number;
    if (strncmp(text, "plate", 5) != 0 || scp_parse_int(text + 5, &number) != SCP_OK ||
        number < 1 || number > SCP_SYNTH_PLATES) {
        scp_err_clear();
        return -1;
    }
    return (int)number;
}

/* The text between the first pair of equal quotes of [('Name ', 0.05, 'uM')], blanks and all. */
static scp_status label_text(const char *text, const char *name, char **out)
{
    const char *at = strstr(text, name);
    size_t len = at ? strlen(name) : 0;
    if (!at) { /* escapes inside: the trimmed name is all there is to say */
        SCP_TRY(scp_strdup(name, out));
        return SCP_OK;
    }
    while (at > text && at[-1] == ' ') at--, len++;
    while (at[len] == ' ') len++;
    SCP_TRY(scp_alloc(len + 1, 1, out));
    memcpy(*out, at, len);
    return SCP_OK;
}

/* Index of a drug, added with its label when new. */
static scp_status add_drug(scp_synth_atlas *a, const char *name, const char *text, int64_t *index)
{
    char *label = NULL;
    size_t at, label_at;
    if ((*index = scp_names_find(a->drug, name)) >= 0) return SCP_OK;
    SCP_TRY(label_text(text, name, &label));
    scp_status st = scp_names_add(a->label, label, &label_at);
    free(label);
    SCP_TRY(st);
    SCP_TRY(scp_names_add(a->drug, name, &at));
    SCP_TRY(scp_grow(&a->label_of, &a->cap_labels, at + 1, sizeof *a->label_of));
    a->label_of[at] = label_at;
    *index = (int64_t)at;
    return SCP_OK;
}

static scp_status place_sample(scp_synth_atlas *a, const scp_tsv *t, const sample_columns *c,
                               size_t row, const char *path, int number)
{
    int64_t id;
    const char *text = scp_tsv_text(t, row, c->sample);
    if (strncmp(text, "smp_", 4) != 0 || scp_parse_int(text + 4, &id) != SCP_OK)
        SCP_FAIL(SCP_EDATA, "%s:%zu: sample \"%s\" is not smp_ and a number", path,
                 scp_tsv_line(t, row), text);
    id -= SCP_SYNTH_FIRST_SAMPLE + (int64_t)SCP_SYNTH_WELLS * (number - 1);
    if (id < 0 || id >= SCP_SYNTH_WELLS)
        SCP_FAIL(SCP_EDATA, "%s:%zu: %s is not on plate %d by Tahoe-100M's numbers", path,
                 scp_tsv_line(t, row), text, number);
    a->sample[a->n++] = (sample){ .plate = number, .well = (int)id, .row = row };
    return SCP_OK;
}

/* What is in the well of a sample. */
static scp_status fill_sample(scp_synth_atlas *a, const scp_tsv *t, const sample_columns *c,
                              sample *s, const char *path)
{
    scp_status st = SCP_OK;
    char *name = NULL;
    double uM;
    const char *text = scp_tsv_text(t, s->row, c->label);
    size_t line = scp_tsv_line(t, s->row);
    SCP_GOTO(done, scp_dose_parse_label(text, &name, &uM));
    if (strcmp(name, SCP_SYNTH_VEHICLE_NAME) == 0) {
        s->drug = SCP_SYNTH_VEHICLE;
    } else {
        s->dose = scp_synth_dose_index(uM);
        if (s->dose < 0)
            SCP_FAIL_GOTO(done, SCP_EDATA, "%s:%zu: %s: the doses are 0.05, 0.5 and 5 uM", path,
                          line, text);
        SCP_GOTO(done, add_drug(a, name, text, &s->drug));
    }
    if (c->depth >= 0) SCP_GOTO(done, scp_tsv_real(t, s->row, (size_t)c->depth, &s->depth));
    if (s->depth < 0.0)
        SCP_FAIL_GOTO(done, SCP_EDATA, "%s:%zu: mean_tscp_count is %g", path, line, s->depth);
done:
    free(name);
    return st;
}

static int by_place(const void *pa, const void *pb)
{
    const sample *a = pa, *b = pb;
    if (a->plate != b->plate) return a->plate < b->plate ? -1 : 1;
    return a->well < b->well ? -1 : a->well > b->well;
}

static scp_status check_wells(const scp_synth_atlas *a, const char *path)
{
    for (size_t i = 1; i < a->n; i++)
        if (by_place(&a->sample[i - 1], &a->sample[i]) == 0)
            SCP_FAIL(SCP_EDATA, "%s: smp_%d is there twice", path,
                     SCP_SYNTH_FIRST_SAMPLE + SCP_SYNTH_WELLS * (a->sample[i].plate - 1) +
                         a->sample[i].well);
    for (size_t p = 0; p < a->n_plates; p++) {
        bool vehicle = false;
        for (size_t i = 0; i < a->n; i++)
            vehicle |= a->sample[i].plate == a->plate[p] && a->sample[i].drug == SCP_SYNTH_VEHICLE;
        if (!vehicle)
            SCP_FAIL(SCP_EDATA, "%s: no sample of plate%d with %s", path, a->plate[p],
                     SCP_SYNTH_VEHICLE_NAME);
    }
    return SCP_OK;
}

/* Samples come in any order; drugs are numbered in that of the wells. */
static scp_status take_samples(scp_synth_atlas *a, const scp_tsv *t, const char *path)
{
    sample_columns c = { .depth = scp_tsv_find(t, "mean_tscp_count") };
    SCP_TRY(scp_tsv_column(t, "sample", &c.sample));
    SCP_TRY(scp_tsv_column(t, "plate", &c.plate));
    SCP_TRY(scp_tsv_column(t, "drugname_drugconc", &c.label));
    SCP_TRY(scp_alloc(scp_tsv_n_rows(t), sizeof *a->sample, &a->sample));
    for (size_t i = 0; i < scp_tsv_n_rows(t); i++) {
        int number = scp_synth_plate_number(scp_tsv_text(t, i, c.plate));
        for (size_t p = 0; p < a->n_plates; p++)
            if (a->plate[p] == number) SCP_TRY(place_sample(a, t, &c, i, path, number));
    }
    qsort(a->sample, a->n, sizeof *a->sample, by_place);
    for (size_t i = 0; i < a->n; i++) SCP_TRY(fill_sample(a, t, &c, &a->sample[i], path));
    return check_wells(a, path);
}

scp_status scp_synth_atlas_read(const char *samples, const char *list, scp_synth_atlas **out)
{
    scp_status st = SCP_OK;
    scp_synth_atlas *a = NULL;
    scp_tsv *t = NULL;
    SCP_ARG(samples && list && out, "sample table, plates and result are required");
    *out = NULL;
    SCP_GOTO(done, scp_alloc(1, sizeof *a, &a));
    SCP_GOTO(done, scp_names_create(&a->drug));
    SCP_GOTO(done, scp_names_create(&a->label));
    SCP_GOTO(done, scp_synth_plate_list(list, a->plate, &a->n_plates));
    SCP_GOTO(done, scp_tsv_read(samples, &t));
    SCP_GOTO(done, take_samples(a, t, samples));
done:
    scp_tsv_destroy(&t);
    if (st != SCP_OK) scp_synth_atlas_destroy(&a);
    *out = a;
    return st;
}

void scp_synth_atlas_destroy(scp_synth_atlas **ap)
{
    scp_synth_atlas *a = ap ? *ap : NULL;
    if (!a) return;
    scp_names_destroy(&a->drug);
    scp_names_destroy(&a->label);
    free(a->label_of);
    free(a->sample);
    free(a);
    *ap = NULL;
}

size_t scp_synth_atlas_plates(const scp_synth_atlas *a)
{
    return a->n_plates;
}

size_t scp_synth_atlas_drugs(const scp_synth_atlas *a)
{
    return scp_names_count(a->drug);
}

const char *scp_synth_atlas_drug(const scp_synth_atlas *a, size_t i, const char **label)
{
    *label = scp_names_get(a->label, a->label_of[i]);
    return scp_names_get(a->drug, i);
}

scp_status scp_synth_atlas_layout(const scp_synth_atlas *a, scp_synth_design *d)
{
    SCP_TRY(scp_alloc(a->n_plates, sizeof *d->plate, &d->plate));
    d->n_plates = a->n_plates;
    for (size_t p = 0; p < a->n_plates; p++) {
        d->plate[p].number = a->plate[p];
        for (size_t w = 0; w < SCP_SYNTH_WELLS; w++) d->plate[p].well[w].drug = SCP_SYNTH_EMPTY;
    }
    size_t p = 0;
    for (size_t i = 0; i < a->n; i++) {
        const sample *s = &a->sample[i];
        while (d->plate[p].number != s->plate) p++;
        if (s->drug >= (int64_t)d->D) continue;
        d->plate[p].well[s->well] = (scp_synth_well){ .drug = (int)s->drug,
                                                      .dose = s->dose,
                                                      .depth = s->depth / mean_depth };
    }
    return SCP_OK;
}
