/* Label columns, see keys_columns.h. */
#include "data/keys_columns.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "base/mem.h"

enum { NO_LABEL = -2 }; /* beside SCP_VEHICLE */

scp_status scp_key_names_create(scp_key_names *n)
{
    *n = (scp_key_names){ 0 };
    SCP_TRY(scp_names_create(&n->line));
    SCP_TRY(scp_names_create(&n->drug));
    return scp_names_create(&n->plate);
}

void scp_key_names_fini(scp_key_names *n)
{
    scp_fs_list_free(n->smiles, n->cap_smiles);
    scp_fs_list_free(n->moa, n->cap_moa);
    scp_names_destroy(&n->line);
    scp_names_destroy(&n->drug);
    scp_names_destroy(&n->plate);
    *n = (scp_key_names){ 0 };
}

static size_t n_doses(const scp_key_columns *c)
{
    return c->dose.n_labels * c->n_units;
}

void scp_key_columns_fini(scp_key_columns *c)
{
    for (size_t i = 0; c->dose_of && i < n_doses(c); i++) scp_dose_fini(&c->dose_of[i]);
    scp_h5ad_text *const text[] = { &c->line,  &c->drug, &c->dose,   &c->unit,
                                    &c->plate, &c->qc,   &c->smiles, &c->moa };
    for (size_t i = 0; i < sizeof text / sizeof text[0]; i++) scp_h5ad_text_fini(text[i]);
    void *const block[] = { c->line_id, c->drug_id,     c->plate_id, c->qc_keep,
                            c->dose_of, c->drug_smiles, c->drug_moa };
    for (size_t i = 0; i < sizeof block / sizeof block[0]; i++) free(block[i]);
    *c = (scp_key_columns){ 0 };
}

static scp_status read_column(scp_h5ad *f, const char *name, scp_h5ad_text *text)
{
    if (!name) return SCP_OK;
    SCP_TRY(scp_h5ad_obs_text(f, name, text));
    for (size_t i = 0; i < text->n_labels; i++) scp_str_trim(text->label[i]);
    return SCP_OK;
}

/* Number of every label of a column, over all files. */
static scp_status number_labels(const scp_h5ad_text *text, scp_names *names, const char *vehicle,
                                int32_t **out)
{
    SCP_TRY(scp_alloc(text->n_labels, sizeof **out, out));
    for (size_t i = 0; i < text->n_labels; i++) {
        size_t at;
        if (text->label[i][0] == '\0') {
            (*out)[i] = NO_LABEL;
        } else if (vehicle && strcmp(text->label[i], vehicle) == 0) {
            (*out)[i] = SCP_VEHICLE;
        } else {
            SCP_TRY(scp_names_add(names, text->label[i], &at));
            (*out)[i] = (int32_t)at;
        }
    }
    return SCP_OK;
}

static scp_status read_columns(scp_h5ad *f, scp_key_columns *c)
{
    const scp_obs_map *m = c->map;
    SCP_TRY(read_column(f, m->line, &c->line));
    SCP_TRY(read_column(f, m->drug, &c->drug));
    SCP_TRY(read_column(f, m->dose, &c->dose));
    SCP_TRY(read_column(f, m->unit, &c->unit));
    SCP_TRY(read_column(f, m->plate, &c->plate));
    SCP_TRY(read_column(f, m->qc, &c->qc));
    SCP_TRY(read_column(f, m->smiles, &c->smiles));
    return read_column(f, m->moa, &c->moa);
}

scp_status scp_key_columns_read(const scp_obs_map *m, scp_h5ad *f, scp_key_names *names,
                                scp_key_columns *c)
{
    SCP_ARG(m && f && names && c, "map, file, names and result are required");
    *c = (scp_key_columns){ .map = m, .path = scp_h5ad_path(f), .names = names };
    SCP_TRY(read_columns(f, c));
    SCP_TRY(number_labels(&c->line, names->line, NULL, &c->line_id));
    SCP_TRY(number_labels(&c->drug, names->drug, m->vehicle, &c->drug_id));
    SCP_TRY(number_labels(&c->plate, names->plate, NULL, &c->plate_id));
    SCP_TRY(scp_alloc(c->qc.n_labels, sizeof *c->qc_keep, &c->qc_keep));
    for (size_t i = 0; i < c->qc.n_labels; i++)
        c->qc_keep[i] = strcmp(c->qc.label[i], m->qc_value) == 0;
    c->n_units = c->unit.n_labels > 0 ? c->unit.n_labels : 1;
    SCP_TRY(scp_alloc(n_doses(c), sizeof *c->dose_of, &c->dose_of));
    size_t drugs = scp_names_count(names->drug);
    SCP_TRY(scp_alloc(drugs, sizeof *c->drug_smiles, &c->drug_smiles));
    SCP_TRY(scp_alloc(drugs, sizeof *c->drug_moa, &c->drug_moa));
    for (size_t i = 0; i < drugs; i++) c->drug_smiles[i] = c->drug_moa[i] = -1;
    SCP_TRY(scp_grow(&names->smiles, &names->cap_smiles, drugs, sizeof *names->smiles));
    return scp_grow(&names->moa, &names->cap_moa, drugs, sizeof *names->moa);
}

const char *scp_key_columns_dose(const scp_key_columns *c, size_t row)
{
    return c->map->dose && c->dose.code[row] >= 0 ? c->dose.label[c->dose.code[row]] : "";
}

/* The dose of a row, read at the first cell that carries its label; NULL: the row has none. */
static scp_status dose_of_row(scp_key_columns *c, size_t row, const scp_dose **out)
{
    const scp_obs_map *m = c->map;
    int32_t d = c->dose.code[row], u = m->unit ? c->unit.code[row] : 0;
    *out = NULL;
    if (d < 0) return SCP_OK;
    const char *text = c->dose.label[d];
    bool label = text[0] == '['; /* it names its unit */
    if (label) u = 0;
    if (u < 0 || (m->unit && !label && scp_dose_is_missing(c->unit.label[u]))) return SCP_OK;
    scp_dose *dose = &c->dose_of[(size_t)d * c->n_units + (size_t)u];
    *out = dose;
    if (dose->kind != SCP_DOSE_UNREAD) return SCP_OK;
    const char *unit = label ? "uM" : m->unit ? c->unit.label[u] : m->dose_unit;
    scp_status st = scp_dose_read(text, unit, dose);
    if (st == SCP_EDATA) {
        char why[512];
        snprintf(why, sizeof why, "%s", scp_err_message());
        SCP_FAIL(SCP_EDATA,
                 "%s: row %zu, obs column '%s': %s (another column: --obs-dose=NAME, no doses: "
                 "--obs-dose=none)",
                 c->path, row, m->dose, why);
    }
    return st;
}

/* A label that names a drug must name the one of the drug column, the vehicle too. */
static scp_status check_named(const scp_key_columns *c, size_t row, const scp_dose *dose)
{
    const char *drug = c->drug.label[c->drug.code[row]];
    if (!dose || !dose->drug || strcmp(dose->drug, drug) == 0) return SCP_OK;
    SCP_FAIL(SCP_EDATA, "%s: row %zu: obs column '%s' says '%s', but '%s' says '%s'", c->path, row,
             c->map->dose, dose->drug, c->map->drug, drug);
}

/* Dose of a cell. The label of the drug decides what is a control, so the vehicle's dose is 0
 * whatever its column says (chemCPA writes 1.0). */
static scp_status cell_dose(scp_key_columns *c, size_t row, scp_key *key, scp_cell_left *why)
{
    static const scp_cell_left left[] = {
        [SCP_DOSE_GIVEN] = SCP_CELL_KEPT,
        [SCP_DOSE_MISSING] = SCP_CELL_NO_DOSE,
        [SCP_DOSE_ZERO] = SCP_CELL_ZERO_DOSE,
        [SCP_DOSE_NEGATIVE] = SCP_CELL_NEGATIVE_DOSE,
        [SCP_DOSE_COMBINATION] = SCP_CELL_COMBINATION,
    };
    const scp_dose *dose = NULL;
    bool vehicle = key->drug == SCP_VEHICLE, label = scp_key_columns_dose(c, row)[0] == '[';
    if (!c->map->dose || (vehicle && !label)) return SCP_OK;
    SCP_TRY(dose_of_row(c, row, &dose));
    SCP_TRY(check_named(c, row, dose));
    *why = !dose ? SCP_CELL_NO_DOSE : left[dose->kind];
    if (vehicle && *why != SCP_CELL_COMBINATION) *why = SCP_CELL_KEPT;
    if (!vehicle && dose) key->dose = dose->uM;
    return SCP_OK;
}

/* Keep a text that belongs to the drug of a cell (structure, mechanism); all cells must agree. */
static scp_status drug_text(const scp_key_columns *c, size_t row, const scp_h5ad_text *text,
                            const char *column, int32_t drug, int32_t *last, char **kept)
{
    if (!column || drug < 0) return SCP_OK;
    int32_t code = text->code[row];
    if (code < 0 || code == last[drug] || text->label[code][0] == '\0') return SCP_OK;
    last[drug] = code;
    if (!kept[drug]) return scp_strdup(text->label[code], &kept[drug]);
    if (strcmp(kept[drug], text->label[code]) == 0) return SCP_OK;
    SCP_FAIL(
        SCP_EDATA,
        "%s: row %zu, obs column '%s': '%s' has '%.100s' here and '%.100s' elsewhere: tell them "
        "apart by another --obs-drug, or let a drug table decide (--drugs)",
        c->path, row, column, scp_names_get(c->names->drug, (size_t)drug), text->label[code],
        kept[drug]);
}

/* Number of a cell's label in a column that may be absent (then 0). */
static int32_t cell_label(const char *column, const scp_h5ad_text *text, const int32_t *id,
                          size_t row)
{
    if (!column) return 0;
    return text->code[row] < 0 ? NO_LABEL : id[text->code[row]];
}

scp_status scp_key_columns_cell(scp_key_columns *c, size_t row, scp_key *key, scp_cell_left *why)
{
    const scp_obs_map *m = c->map;
    *key = (scp_key){ 0 };
    *why = SCP_CELL_QUALITY;
    if (m->qc && c->qc.code[row] >= 0 && !c->qc_keep[c->qc.code[row]]) return SCP_OK;
    key->line = cell_label(m->line, &c->line, c->line_id, row);
    key->drug = cell_label(m->drug, &c->drug, c->drug_id, row);
    key->plate = cell_label(m->plate, &c->plate, c->plate_id, row);
    *why = SCP_CELL_UNLABELLED;
    if (key->line < 0 || key->drug == NO_LABEL || key->plate < 0 || (m->qc && c->qc.code[row] < 0))
        return SCP_OK;
    *why = SCP_CELL_KEPT;
    SCP_TRY(cell_dose(c, row, key, why));
    if (*why != SCP_CELL_KEPT) return SCP_OK;
    SCP_TRY(drug_text(c, row, &c->smiles, m->smiles, key->drug, c->drug_smiles, c->names->smiles));
    return drug_text(c, row, &c->moa, m->moa, key->drug, c->drug_moa, c->names->moa);
}
