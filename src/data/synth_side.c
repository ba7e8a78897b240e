/* Tables beside the plates of a synthetic screen, with the columns of the atlas's own: what
 * scppdm_prep reads (drugs), and what makes the same design again (samples, grid, lines, genes). */
#include <string.h>

#include "base/fs.h"
#include "data/synth_atlas.h"
#include "data/synth_write.h"
#include "io/tsv.h"

enum { FIRST_TOKEN = 3 }; /* of the atlas's genes */

#define COUNT(list) (sizeof(list) / sizeof *(list))

static scp_status commit(scp_tsv_writer **w, const char *dir, const char *name)
{
    char path[SCP_PATH_MAX];
    SCP_TRY(scp_fs_join(path, sizeof path, dir, name));
    return scp_tsv_writer_commit(w, path);
}

static scp_status add_texts(scp_tsv_writer *w, const char *const *text, size_t n)
{
    for (size_t i = 0; i < n; i++) SCP_TRY(scp_tsv_add_text(w, text[i]));
    return SCP_OK;
}

static scp_status write_drugs(const scp_synth_design *d, const char *dir)
{
    static const char *const columns[] = { "drug", "canonical_smiles", "moa-fine" };
    scp_status st = SCP_OK;
    scp_tsv_writer *w = NULL;
    SCP_GOTO(done, scp_tsv_writer_create(columns, COUNT(columns), &w));
    for (size_t i = 0; i < d->D; i++) {
        const char *row[] = { d->drug[i].name, d->drug[i].smiles, d->drug[i].moa };
        SCP_GOTO(done, add_texts(w, row, COUNT(row)));
    }
    SCP_GOTO(done, commit(&w, dir, "drugs.tsv"));
done:
    scp_tsv_writer_abort(&w);
    return st;
}

static scp_status write_lines(const scp_synth_design *d, const char *dir)
{
    static const char *const columns[] = { "cell_name", "Cell_ID_Cellosaur", "Organ" };
    scp_status st = SCP_OK;
    scp_tsv_writer *w = NULL;
    SCP_GOTO(done, scp_tsv_writer_create(columns, COUNT(columns), &w));
    for (size_t c = 0; c < d->C; c++) {
        const char *row[] = { d->line[c].name, d->line[c].id, d->line[c].organ };
        SCP_GOTO(done, add_texts(w, row, COUNT(row)));
    }
    SCP_GOTO(done, commit(&w, dir, "cell_lines.tsv"));
done:
    scp_tsv_writer_abort(&w);
    return st;
}

static scp_status write_genes(const scp_synth_design *d, const char *dir)
{
    static const char *const columns[] = { "gene_symbol", "token_id" };
    scp_status st = SCP_OK;
    scp_tsv_writer *w = NULL;
    SCP_GOTO(done, scp_tsv_writer_create(columns, COUNT(columns), &w));
    for (size_t g = 0; g < d->G; g++) {
        SCP_GOTO(done, scp_tsv_add_text(w, d->gene[g]));
        SCP_GOTO(done, scp_tsv_add_int(w, (int64_t)g + FIRST_TOKEN));
    }
    SCP_GOTO(done, commit(&w, dir, "genes.tsv"));
done:
    scp_tsv_writer_abort(&w);
    return st;
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

static scp_status write_samples(const scp_synth_design *d, const char *dir)
{
    static const char *const columns[] = { "sample", "plate", "drug", "drugname_drugconc" };
    scp_status st = SCP_OK;
    scp_tsv_writer *w = NULL;
    SCP_GOTO(done, scp_tsv_writer_create(columns, COUNT(columns), &w));
    for (size_t p = 0; p < d->n_plates; p++)
        for (size_t at = 0; at < SCP_SYNTH_WELLS; at++)
            if (d->plate[p].well[at].drug != SCP_SYNTH_EMPTY)
                SCP_GOTO(done, add_sample(d, &d->plate[p], at, w));
    SCP_GOTO(done, commit(&w, dir, "samples.tsv"));
done:
    scp_tsv_writer_abort(&w);
    return st;
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

static scp_status write_grid(const scp_synth_design *d, const char *dir)
{
    static const char *const columns[] = { "plate", "cell_line", "cell_name",
                                           "drug",  "conc",      "n_cells" };
    scp_status st = SCP_OK;
    scp_tsv_writer *w = NULL;
    SCP_GOTO(done, scp_tsv_writer_create(columns, COUNT(columns), &w));
    for (size_t p = 0; p < d->n_plates; p++)
        for (size_t at = 0; at < SCP_SYNTH_WELLS; at++)
            if (d->plate[p].well[at].drug != SCP_SYNTH_EMPTY)
                SCP_GOTO(done, add_keys(d, &d->plate[p], at, w));
    SCP_GOTO(done, commit(&w, dir, "condition_grid.tsv"));
done:
    scp_tsv_writer_abort(&w);
    return st;
}

scp_status scp_synth_write_tables(const scp_synth_design *d, const char *dir)
{
    SCP_TRY(write_drugs(d, dir));
    SCP_TRY(write_lines(d, dir));
    SCP_TRY(write_genes(d, dir));
    SCP_TRY(write_samples(d, dir));
    return write_grid(d, dir);
}
