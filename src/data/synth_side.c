/* Tables beside the plates of a synthetic screen, with the columns of the atlas's own: what
 * scppdm_prep reads (drugs), and what makes the same design again (samples, grid, lines, genes). */
#include <string.h>

#include "base/fs.h"
#include "data/synth_atlas.h"
#include "data/synth_write.h"
#include "io/tsv.h"

enum { FIRST_TOKEN = 3 }; /* of the atlas's genes */

#define COUNT(list) (sizeof(list) / sizeof *(list))

/* Adds the rows of a table. */
typedef scp_status add_rows(const scp_synth_design *d, scp_tsv_writer *w);

static scp_status add_texts(scp_tsv_writer *w, const char *const *text, size_t n)
{
    for (size_t i = 0; i < n; i++) SCP_TRY(scp_tsv_add_text(w, text[i]));
    return SCP_OK;
}

static scp_status add_drugs(const scp_synth_design *d, scp_tsv_writer *w)
{
    for (size_t i = 0; i < d->D; i++) {
        const char *row[] = { d->drug[i].name, d->drug[i].smiles, d->drug[i].moa };
        SCP_TRY(add_texts(w, row, COUNT(row)));
    }
    return SCP_OK;
}

static scp_status add_lines(const scp_synth_design *d, scp_tsv_writer *w)
{
    for (size_t c = 0; c < d->C; c++) {
        const char *row[] = { d->line[c].name, d->line[c].id, d->line[c].organ };
        SCP_TRY(add_texts(w, row, COUNT(row)));
    }
    return SCP_OK;
}

static scp_status add_genes(const scp_synth_design *d, scp_tsv_writer *w)
{
    for (size_t g = 0; g < d->G; g++) {
        SCP_TRY(scp_tsv_add_text(w, d->gene[g]));
        SCP_TRY(scp_tsv_add_int(w, (int64_t)g + FIRST_TOKEN));
    }
    return SCP_OK;
}

/* Label and dose of a well as the plates write them. */
static void well_texts(const scp_synth_design *d, const scp_synth_well *well, const char **drug,
                       const char **dose)
{
    *drug = well->drug < 0 ? SCP_SYNTH_VEHICLE_NAME : d->drug[well->drug].label;
    *dose = well->drug < 0 ? "0.0" : scp_synth_dose_text[well->dose];
}

static scp_status add_sample(const scp_synth_design *d, const scp_synth_plate *plate, size_t at,
                             scp_tsv_writer *w)
{
    const char *drug, *dose;
    char sample[24], name[24];
    scp_strbuf label = { 0 };
    well_texts(d, &plate->well[at], &drug, &dose);
    SCP_TRY(
        scp_str_format(sample, sizeof sample, "smp_%d",
                       SCP_SYNTH_FIRST_SAMPLE + SCP_SYNTH_WELLS * (plate->number - 1) + (int)at));
    SCP_TRY(scp_str_format(name, sizeof name, "plate%d", plate->number));
    scp_status st = scp_synth_dose_label(drug, dose, &label);
    const char *row[] = { sample, name, drug, label.text };
    if (st == SCP_OK) st = add_texts(w, row, COUNT(row));
    scp_strbuf_fini(&label);
    return st;
}

static scp_status add_samples(const scp_synth_design *d, scp_tsv_writer *w)
{
    for (size_t p = 0; p < d->n_plates; p++)
        for (size_t at = 0; at < SCP_SYNTH_WELLS; at++)
            if (d->plate[p].well[at].drug != SCP_SYNTH_EMPTY)
                SCP_TRY(add_sample(d, &d->plate[p], at, w));
    return SCP_OK;
}

static bool same_key(const scp_synth_well *a, const scp_synth_well *b)
{
    return a->drug == b->drug && (a->drug < 0 || a->dose == b->dose);
}

/* The keys of a well that no well before it has: their cells in all wells of the plate. */
static scp_status add_keys(const scp_synth_design *d, const scp_synth_plate *plate, size_t at,
                           scp_tsv_writer *w)
{
    const char *drug, *dose;
    char name[24];
    const scp_synth_well *well = &plate->well[at];
    for (size_t v = 0; v < at; v++)
        if (same_key(&plate->well[v], well)) return SCP_OK;
    well_texts(d, well, &drug, &dose);
    SCP_TRY(scp_str_format(name, sizeof name, "plate%d", plate->number));
    for (size_t c = 0; c < d->C; c++) {
        const char *row[] = { name, d->line[c].id, d->line[c].name, drug, dose };
        int64_t cells = 0;
        for (size_t v = at; v < SCP_SYNTH_WELLS; v++)
            if (same_key(&plate->well[v], well)) cells += plate->well[v].cells[c];
        if (cells == 0) continue;
        SCP_TRY(add_texts(w, row, COUNT(row)));
        SCP_TRY(scp_tsv_add_int(w, cells));
    }
    return SCP_OK;
}

static scp_status add_grid(const scp_synth_design *d, scp_tsv_writer *w)
{
    for (size_t p = 0; p < d->n_plates; p++)
        for (size_t at = 0; at < SCP_SYNTH_WELLS; at++)
            if (d->plate[p].well[at].drug != SCP_SYNTH_EMPTY)
                SCP_TRY(add_keys(d, &d->plate[p], at, w));
    return SCP_OK;
}

static const struct table {
    const char *name;
    add_rows *add;
    size_t n;
    const char *column[6];
} tables[] = {
    { "drugs.tsv", add_drugs, 3, { "drug", "canonical_smiles", "moa-fine" } },
    { "cell_lines.tsv", add_lines, 3, { "cell_name", "Cell_ID_Cellosaur", "Organ" } },
    { "genes.tsv", add_genes, 2, { "gene_symbol", "token_id" } },
    { "samples.tsv", add_samples, 4, { "sample", "plate", "drug", "drugname_drugconc" } },
    { "condition_grid.tsv",
      add_grid,
      6,
      { "plate", "cell_line", "cell_name", "drug", "conc", "n_cells" } },
};

static scp_status write_table(const scp_synth_design *d, const char *dir, const struct table *t)
{
    scp_status st = SCP_OK;
    scp_tsv_writer *w = NULL;
    char path[SCP_PATH_MAX];
    SCP_GOTO(done, scp_fs_join(path, sizeof path, dir, t->name));
    SCP_GOTO(done, scp_tsv_writer_create(t->column, t->n, &w));
    SCP_GOTO(done, t->add(d, w));
    SCP_GOTO(done, scp_tsv_writer_commit(&w, path));
done:
    scp_tsv_writer_abort(&w);
    return st;
}

scp_status scp_synth_write_tables(const scp_synth_design *d, const char *dir)
{
    for (size_t i = 0; i < COUNT(tables); i++) SCP_TRY(write_table(d, dir, &tables[i]));
    return SCP_OK;
}
