/* The condition grid of Tahoe-100M: how many cells every key has. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "data/synth_atlas.h"
#include "io/tsv.h"

enum { FAILED_CELLS = 1000 };

/* What the rows are looked up in. */
typedef struct index_table {
    scp_names *line, *drug;
    int64_t plate[SCP_SYNTH_PLATES + 1]; /* number to index, -1 */
    int64_t (*total)[SCP_SYNTH_WELLS];   /* [plates] real cells of each well's keys, all lines */
} index_table;

static scp_status index_make(const scp_synth_design *d, index_table *x)
{
    SCP_TRY(scp_names_create(&x->line));
    SCP_TRY(scp_names_create(&x->drug));
    SCP_TRY(scp_alloc(d->n_plates, sizeof *x->total, &x->total));
    for (size_t c = 0; c < d->C; c++) SCP_TRY(scp_names_add(x->line, d->line[c].id, NULL));
    for (size_t i = 0; i < d->D; i++) SCP_TRY(scp_names_add(x->drug, d->drug[i].name, NULL));
    for (int k = 0; k <= SCP_SYNTH_PLATES; k++) x->plate[k] = -1;
    for (size_t p = 0; p < d->n_plates; p++) x->plate[d->plate[p].number] = (int64_t)p;
    return SCP_OK;
}

static bool holds(const scp_synth_well *w, int64_t drug, int dose)
{
    return w->drug == drug && (drug == SCP_SYNTH_VEHICLE || w->dose == dose);
}

/* Cells that are drawn of `real` ones. */
static int64_t kept(const scp_synth_config *cfg, int64_t real)
{
    int64_t n = (int64_t)llround(cfg->fraction * (double)real);
    if (n < cfg->cells_min) n = cfg->cells_min;
    return n < real ? n : real;
}

typedef struct grid_columns {
    size_t plate, line, drug, dose, n;
} grid_columns;

typedef struct key { /* one row; line -1: not in the screen */
    int64_t line, drug, real;
    int dose;
} key;

/* Index of the row's drug, its blanks trimmed; SCP_SYNTH_EMPTY for one that the screen has not. */
static scp_status drug_of(const scp_tsv *t, size_t row, size_t column, const index_table *x,
                          int64_t *drug)
{
    char *copy = NULL;
    SCP_TRY(scp_strdup(scp_tsv_text(t, row, column), &copy));
    const char *name = scp_str_trim(copy);
    *drug = scp_names_find(x->drug, name);
    if (*drug < 0)
        *drug = strcmp(name, SCP_SYNTH_VEHICLE_NAME) == 0 ? SCP_SYNTH_VEHICLE : SCP_SYNTH_EMPTY;
    free(copy);
    return SCP_OK;
}

/* The cells of a key go to the wells of its drug and dose, as evenly as they can. Returns what is
 * wrong with the key, or NULL. */
static const char *spread(scp_synth_design *d, index_table *x, size_t at, const key *k)
{
    scp_synth_well *well = d->plate[at].well;
    int64_t wells = 0, seen = 0, drawn = kept(&d->cfg, k->real);
    for (size_t w = 0; w < SCP_SYNTH_WELLS; w++) wells += holds(&well[w], k->drug, k->dose);
    if (wells == 0) return "in no well of its plate by the sample table";
    for (size_t w = 0; w < SCP_SYNTH_WELLS; w++) {
        if (!holds(&well[w], k->drug, k->dose)) continue;
        x->total[at][w] += k->real / wells + (seen < k->real % wells);
        if (k->line >= 0) {
            if (well[w].cells[k->line] != 0) return "the key is there twice";
            well[w].cells[k->line] = (int32_t)(drawn / wells + (seen < drawn % wells));
        }
        seen++;
    }
    return NULL;
}

static scp_status take_key(const scp_tsv *t, const grid_columns *c, size_t row, const char *path,
                           scp_synth_design *d, index_table *x)
{
    int number = scp_synth_plate_number(scp_tsv_text(t, row, c->plate));
    int64_t at = number < 0 ? -1 : x->plate[number];
    key k = { .line = scp_names_find(x->line, scp_tsv_text(t, row, c->line)) };
    double uM = 0.0;
    if (at < 0) return SCP_OK;
    SCP_TRY(drug_of(t, row, c->drug, x, &k.drug));
    if (k.drug == SCP_SYNTH_EMPTY) return SCP_OK;
    SCP_TRY(scp_tsv_int(t, row, c->n, &k.real));
    if (k.real < 0 || k.real > INT32_MAX)
        SCP_FAIL(SCP_EDATA, "%s:%zu: %" PRId64 " cells", path, scp_tsv_line(t, row), k.real);
    if (k.drug >= 0) {
        SCP_TRY(scp_tsv_real(t, row, c->dose, &uM));
        k.dose = scp_synth_dose_index(uM);
    }
    const char *fault = spread(d, x, (size_t)at, &k);
    if (fault)
        SCP_FAIL(SCP_EDATA, "%s:%zu: %s at %s uM on plate%d: %s", path, scp_tsv_line(t, row),
                 scp_tsv_text(t, row, c->drug), scp_tsv_text(t, row, c->dose), number, fault);
    return SCP_OK;
}

static scp_status take_grid(const scp_tsv *t, const char *path, scp_synth_design *d, index_table *x)
{
    grid_columns c;
    SCP_TRY(scp_tsv_column(t, "plate", &c.plate));
    SCP_TRY(scp_tsv_column(t, "cell_line", &c.line));
    SCP_TRY(scp_tsv_column(t, "drug", &c.drug));
    SCP_TRY(scp_tsv_column(t, "conc", &c.dose));
    SCP_TRY(scp_tsv_column(t, "n_cells", &c.n));
    for (size_t i = 0; i < scp_tsv_n_rows(t); i++) SCP_TRY(take_key(t, &c, i, path, d, x));
    for (size_t p = 0; p < d->n_plates; p++) {
        if (scp_synth_plate_cells(d, p) == 0)
            SCP_FAIL(SCP_EDATA, "%s: no cell on plate%d of these lines and drugs", path,
                     d->plate[p].number);
        for (size_t w = 0; w < SCP_SYNTH_WELLS; w++)
            d->plate[p].well[w].failed =
                d->plate[p].well[w].drug != SCP_SYNTH_EMPTY && x->total[p][w] <= FAILED_CELLS;
    }
    return SCP_OK;
}

scp_status scp_synth_atlas_cells(const char *grid, scp_synth_design *d)
{
    scp_status st = SCP_OK;
    scp_tsv *t = NULL;
    index_table x = { 0 };
    SCP_ARG(grid && d, "grid and plan are required");
    SCP_GOTO(done, scp_tsv_read(grid, &t));
    SCP_GOTO(done, index_make(d, &x));
    SCP_GOTO(done, take_grid(t, grid, d, &x));
done:
    scp_names_destroy(&x.line);
    scp_names_destroy(&x.drug);
    free(x.total);
    scp_tsv_destroy(&t);
    return st;
}
