/* Grouping of cells: labels are dictionary-encoded per file, so every label is trimmed, compared
 * and parsed once; a cell costs a few look-ups and one probe of the key table. */
#include "data/keys.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/str.h"
#include "data/dose.h"

typedef struct entry {
    scp_key key;
    int32_t id; /* order of appearance */
    int64_t cells;
} entry;

struct scp_keys_builder {
    scp_obs_map map;
    scp_names *line, *drug, *plate;
    char **smiles, **moa; /* [drugs seen]; NULL until a cell gives one */
    size_t cap_smiles, cap_moa;
    entry *key; /* [n] */
    size_t n, cap;
    int32_t *table; /* [slots] index into key + 1, 0 = free; open addressing, at most half full */
    size_t slots;   /* a power of two */
    size_t n_files, done;
    size_t *file_cells;
    int32_t **cell_key;
    int64_t vehicle_cells, left_qc, left_unlabelled;
};

/* The columns of one file, and what their labels mean. */
typedef struct columns {
    scp_h5ad_text line, drug, dose, unit, plate, qc, smiles, moa;
    int32_t *line_id, *drug_id, *plate_id; /* by label; -1 an empty label, drug: SCP_VEHICLE - 1 */
    bool *qc_keep;
    char **dose_drug;   /* [dose labels] name inside a dose label, NULL for a plain number */
    double *dose_value; /* [dose labels x units] uM, -1 not parsed yet                     */
    size_t n_units;
    int32_t *drug_smiles, *drug_moa; /* [drugs of this file's labels] last label seen, -1  */
} columns;

enum { NO_LABEL = -2 };

scp_status scp_keys_builder_create(const scp_obs_map *map, size_t n_files, scp_keys_builder **out)
{
    SCP_ARG(map && map->line && map->drug && map->vehicle && out,
            "columns of the line and the drug, and the vehicle label, are required");
    scp_status st = SCP_OK;
    scp_keys_builder *b = NULL;
    SCP_TRY(scp_alloc(1, sizeof *b, &b));
    b->map = *map;
    b->n_files = n_files;
    SCP_GOTO(done, scp_names_create(&b->line));
    SCP_GOTO(done, scp_names_create(&b->drug));
    SCP_GOTO(done, scp_names_create(&b->plate));
    SCP_GOTO(done, scp_alloc(n_files, sizeof *b->file_cells, &b->file_cells));
    SCP_GOTO(done, scp_alloc(n_files, sizeof *b->cell_key, &b->cell_key));
done:
    if (st != SCP_OK) scp_keys_builder_destroy(&b);
    *out = b;
    return st;
}

void scp_keys_builder_destroy(scp_keys_builder **builder)
{
    if (!builder || !*builder) return;
    scp_keys_builder *b = *builder;
    free(b->key);
    free(b->table);
    scp_fs_list_free(b->smiles, b->cap_smiles);
    scp_fs_list_free(b->moa, b->cap_moa);
    for (size_t i = 0; b->cell_key && i < b->n_files; i++) free(b->cell_key[i]);
    free(b->cell_key);
    free(b->file_cells);
    scp_names_destroy(&b->line);
    scp_names_destroy(&b->drug);
    scp_names_destroy(&b->plate);
    free(b);
    *builder = NULL;
}

static void columns_fini(columns *c)
{
    scp_fs_list_free(c->dose_drug, c->dose.n_labels);
    scp_h5ad_text *const text[] = { &c->line,  &c->drug, &c->dose,   &c->unit,
                                    &c->plate, &c->qc,   &c->smiles, &c->moa };
    for (size_t i = 0; i < sizeof text / sizeof text[0]; i++) scp_h5ad_text_fini(text[i]);
    void *const block[] = { c->line_id,    c->drug_id,     c->plate_id, c->qc_keep,
                            c->dose_value, c->drug_smiles, c->drug_moa };
    for (size_t i = 0; i < sizeof block / sizeof block[0]; i++) free(block[i]);
}

static scp_status read_column(scp_h5ad *f, const char *name, scp_h5ad_text *text)
{
    if (!name) return SCP_OK;
    SCP_TRY(scp_h5ad_obs_text(f, name, text));
    for (size_t i = 0; i < text->n_labels; i++) scp_str_trim(text->label[i]);
    return SCP_OK;
}

/* Global number of every label of a column. */
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

static scp_status read_columns(scp_keys_builder *b, scp_h5ad *f, columns *c)
{
    const scp_obs_map *m = &b->map;
    SCP_TRY(read_column(f, m->line, &c->line));
    SCP_TRY(read_column(f, m->drug, &c->drug));
    SCP_TRY(read_column(f, m->dose, &c->dose));
    SCP_TRY(read_column(f, m->unit, &c->unit));
    SCP_TRY(read_column(f, m->plate, &c->plate));
    SCP_TRY(read_column(f, m->qc, &c->qc));
    SCP_TRY(read_column(f, m->smiles, &c->smiles));
    SCP_TRY(read_column(f, m->moa, &c->moa));
    SCP_TRY(number_labels(&c->line, b->line, NULL, &c->line_id));
    SCP_TRY(number_labels(&c->drug, b->drug, m->vehicle, &c->drug_id));
    SCP_TRY(number_labels(&c->plate, b->plate, NULL, &c->plate_id));
    SCP_TRY(scp_alloc(c->qc.n_labels, sizeof *c->qc_keep, &c->qc_keep));
    for (size_t i = 0; i < c->qc.n_labels; i++)
        c->qc_keep[i] = strcmp(c->qc.label[i], m->qc_value) == 0;
    c->n_units = c->unit.n_labels > 0 ? c->unit.n_labels : 1;
    SCP_TRY(scp_alloc(c->dose.n_labels, sizeof *c->dose_drug, &c->dose_drug));
    SCP_TRY(scp_alloc(c->dose.n_labels * c->n_units, sizeof *c->dose_value, &c->dose_value));
    for (size_t i = 0; i < c->dose.n_labels * c->n_units; i++) c->dose_value[i] = -1;
    size_t drugs = scp_names_count(b->drug);
    SCP_TRY(scp_alloc(drugs, sizeof *c->drug_smiles, &c->drug_smiles));
    SCP_TRY(scp_alloc(drugs, sizeof *c->drug_moa, &c->drug_moa));
    for (size_t i = 0; i < drugs; i++) c->drug_smiles[i] = c->drug_moa[i] = -1;
    SCP_TRY(scp_grow(&b->smiles, &b->cap_smiles, drugs, sizeof *b->smiles));
    return scp_grow(&b->moa, &b->cap_moa, drugs, sizeof *b->moa);
}

/* Dose of a treated cell; parsed at the first cell that carries this label. */
static scp_status cell_dose(const scp_keys_builder *b, columns *c, const scp_h5ad *f, size_t row,
                            const char *drug, double *uM)
{
    const scp_obs_map *m = &b->map;
    *uM = 0;
    if (!m->dose) return SCP_OK;
    const char *path = scp_h5ad_path(f);
    int32_t d = c->dose.code[row], u = m->unit ? c->unit.code[row] : 0;
    if (d < 0 || c->dose.label[d][0] == '\0')
        SCP_FAIL(SCP_EDATA, "%s: row %zu: no dose in obs column '%s'", path, row, m->dose);
    bool label = c->dose.label[d][0] == '[';
    if (!label && u < 0)
        SCP_FAIL(SCP_EDATA, "%s: row %zu: no unit in obs column '%s'", path, row, m->unit);
    double *value = &c->dose_value[(size_t)d * c->n_units + (u < 0 ? 0 : (size_t)u)];
    if (*value < 0) {
        double number = 0;
        scp_status st = label ? scp_dose_parse_label(c->dose.label[d], &c->dose_drug[d], value)
                              : scp_parse_real(c->dose.label[d], &number);
        if (st == SCP_OK && !label)
            st = scp_dose_to_uM(number, m->unit ? c->unit.label[u] : m->dose_unit, value);
        if (st == SCP_EDATA) {
            char why[512];
            snprintf(why, sizeof why, "%s", scp_err_message());
            SCP_FAIL(SCP_EDATA, "%s: row %zu, obs column '%s': %s", path, row, m->dose, why);
        }
        SCP_TRY(st);
    }
    if (c->dose_drug[d] && strcmp(c->dose_drug[d], drug) != 0)
        SCP_FAIL(SCP_EDATA, "%s: row %zu: obs column '%s' says '%s', but '%s' says '%s'", path, row,
                 m->dose, c->dose_drug[d], m->drug, drug);
    *uM = *value;
    return SCP_OK;
}

/* Keep a text that belongs to the drug of a cell (structure, mechanism); all cells must agree. */
static scp_status drug_text(const scp_h5ad *f, size_t row, const scp_h5ad_text *text,
                            const char *column, int32_t drug, const char *name, int32_t *last,
                            char **kept)
{
    if (!column || drug < 0) return SCP_OK;
    int32_t code = text->code[row];
    if (code < 0 || code == last[drug] || text->label[code][0] == '\0') return SCP_OK;
    last[drug] = code;
    if (!kept[drug]) return scp_strdup(text->label[code], &kept[drug]);
    if (strcmp(kept[drug], text->label[code]) == 0) return SCP_OK;
    SCP_FAIL(SCP_EDATA,
             "%s: row %zu, obs column '%s': '%s' has '%.100s' here and '%.100s' elsewhere",
             scp_h5ad_path(f), row, column, name, text->label[code], kept[drug]);
}

/* Slot of a key: where it is, or the free slot where it belongs. */
static size_t probe(const scp_keys_builder *b, const scp_key *key)
{
    size_t at = scp_hash_bytes(key, sizeof *key, 0) & (b->slots - 1);
    while (b->table[at] != 0 && memcmp(&b->key[b->table[at] - 1].key, key, sizeof *key) != 0)
        at = (at + 1) & (b->slots - 1);
    return at;
}

static scp_status grow_table(scp_keys_builder *b)
{
    if (2 * (b->n + 1) <= b->slots) return SCP_OK;
    free(b->table);
    b->table = NULL;
    b->slots = b->slots > 0 ? 2 * b->slots : 1024;
    SCP_TRY(scp_alloc(b->slots, sizeof *b->table, &b->table));
    for (size_t i = 0; i < b->n; i++) b->table[probe(b, &b->key[i].key)] = (int32_t)i + 1;
    return SCP_OK;
}

/* Count a cell of a key. */
static scp_status count_cell(scp_keys_builder *b, const scp_key *key, int32_t *id)
{
    SCP_TRY(grow_table(b));
    size_t at = probe(b, key);
    if (b->table[at] == 0) {
        SCP_TRY(scp_grow(&b->key, &b->cap, b->n + 1, sizeof *b->key));
        b->key[b->n] = (entry){ .key = *key, .id = (int32_t)b->n };
        b->table[at] = (int32_t)++b->n;
    }
    entry *e = &b->key[b->table[at] - 1];
    e->cells++;
    *id = e->id;
    return SCP_OK;
}

/* Number of a cell's label in a column that may be absent (then 0). */
static int32_t cell_label(const char *column, const scp_h5ad_text *text, const int32_t *id,
                          size_t row)
{
    if (!column) return 0;
    return text->code[row] < 0 ? NO_LABEL : id[text->code[row]];
}

static scp_status add_cell(scp_keys_builder *b, columns *c, const scp_h5ad *f, size_t row,
                           int32_t *out)
{
    const scp_obs_map *m = &b->map;
    *out = -1;
    if (m->qc && c->qc.code[row] >= 0 && !c->qc_keep[c->qc.code[row]]) {
        b->left_qc++;
        return SCP_OK;
    }
    scp_key key = { 0 };
    key.line = cell_label(m->line, &c->line, c->line_id, row);
    key.drug = cell_label(m->drug, &c->drug, c->drug_id, row);
    key.plate = cell_label(m->plate, &c->plate, c->plate_id, row);
    if (key.line < 0 || key.drug == NO_LABEL || key.plate < 0 || (m->qc && c->qc.code[row] < 0)) {
        b->left_unlabelled++;
        return SCP_OK;
    }
    b->vehicle_cells += key.drug == SCP_VEHICLE;
    if (key.drug >= 0) {
        const char *name = scp_names_get(b->drug, (size_t)key.drug);
        SCP_TRY(cell_dose(b, c, f, row, name, &key.dose));
        SCP_TRY(
            drug_text(f, row, &c->smiles, m->smiles, key.drug, name, c->drug_smiles, b->smiles));
        SCP_TRY(drug_text(f, row, &c->moa, m->moa, key.drug, name, c->drug_moa, b->moa));
    }
    return count_cell(b, &key, out);
}

scp_status scp_keys_add_file(scp_keys_builder *b, scp_h5ad *f)
{
    SCP_ARG(b && f && b->done < b->n_files, "one file more than announced");
    scp_status st = SCP_OK;
    columns c = { 0 };
    size_t n = scp_h5ad_n_obs(f), at = b->done;
    if (!b->map.plate) SCP_TRY(scp_names_add(b->plate, "all", &(size_t){ 0 }));
    SCP_GOTO(done, read_columns(b, f, &c));
    SCP_GOTO(done, scp_alloc(n, sizeof **b->cell_key, &b->cell_key[at]));
    b->file_cells[at] = n;
    for (size_t row = 0; row < n; row++)
        SCP_GOTO(done, add_cell(b, &c, f, row, &b->cell_key[at][row]));
    b->done++;
done:
    columns_fini(&c);
    return st;
}

/* ---- numbering by sorted names ---- */

static int compare_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Sorted copy of a name list, and the new number of every old one. */
static scp_status sort_names(const scp_names *names, char ***sorted, size_t *n, int32_t **renumber)
{
    scp_status st = SCP_OK;
    *n = scp_names_count(names);
    SCP_TRY(scp_alloc(*n, sizeof **sorted, sorted));
    for (size_t i = 0; i < *n; i++) SCP_TRY(scp_strdup(scp_names_get(names, i), &(*sorted)[i]));
    qsort(*sorted, *n, sizeof **sorted, compare_text);
    SCP_TRY(scp_alloc(*n, sizeof **renumber, renumber));
    for (size_t i = 0; i < *n; i++) (*renumber)[scp_names_find(names, (*sorted)[i])] = (int32_t)i;
    return st;
}

static int compare_entry(const void *pa, const void *pb)
{
    const scp_key *a = &((const entry *)pa)->key, *b = &((const entry *)pb)->key;
    if (a->plate != b->plate) return a->plate < b->plate ? -1 : 1;
    if (a->line != b->line) return a->line < b->line ? -1 : 1;
    if (a->drug != b->drug) return a->drug < b->drug ? -1 : 1;
    return (a->dose > b->dose) - (a->dose < b->dose);
}

/* Move per-drug texts to the new numbers; what no cell gave becomes "". */
static scp_status move_texts(char **from, const int32_t *renumber, size_t n, char ***to)
{
    SCP_TRY(scp_alloc(n, sizeof **to, to));
    for (size_t i = 0; i < n; i++) {
        char **slot = &(*to)[renumber[i]];
        if (from[i])
            *slot = from[i];
        else
            SCP_TRY(scp_strdup("", slot));
        from[i] = NULL;
    }
    return SCP_OK;
}

/* Sort the keys and renumber the cells. */
static scp_status sort_keys(scp_keys_builder *b, scp_keys *k)
{
    int32_t *order = NULL;
    k->n = b->n;
    SCP_TRY(scp_alloc(k->n, sizeof *k->key, &k->key));
    SCP_TRY(scp_alloc(k->n, sizeof *k->cells, &k->cells));
    SCP_TRY(scp_alloc(k->n, sizeof *order, &order));
    qsort(b->key, b->n, sizeof *b->key, compare_entry);
    for (size_t i = 0; i < k->n; i++) {
        k->key[i] = b->key[i].key;
        k->cells[i] = b->key[i].cells;
        order[b->key[i].id] = (int32_t)i;
    }
    for (size_t f = 0; f < b->n_files; f++)
        for (size_t row = 0; row < b->file_cells[f]; row++)
            if (b->cell_key[f][row] >= 0) b->cell_key[f][row] = order[b->cell_key[f][row]];
    free(order);
    return SCP_OK;
}

/* Is there anything to work on, and a control? */
static scp_status check_labels(const scp_keys_builder *b)
{
    if (b->n == 0)
        SCP_FAIL(SCP_EDATA,
                 "no cell is left: %lld have another quality label than '%s', %lld lack a "
                 "label",
                 (long long)b->left_qc, b->map.qc_value ? b->map.qc_value : "",
                 (long long)b->left_unlabelled);
    if (b->vehicle_cells > 0) return SCP_OK;
    const char *some = scp_names_count(b->drug) > 0 ? scp_names_get(b->drug, 0) : "";
    SCP_FAIL(SCP_EDATA,
             "no cell carries the vehicle label '%s' in obs column '%s' (which has %zu other "
             "labels, the first '%s'): name the label with --vehicle",
             b->map.vehicle, b->map.drug, scp_names_count(b->drug), some);
}

scp_status scp_keys_finish(scp_keys_builder *b, scp_keys *keys)
{
    SCP_ARG(b && keys && b->done == b->n_files, "every announced file must be added first");
    scp_status st = SCP_OK;
    int32_t *line = NULL, *drug = NULL, *plate = NULL;
    *keys = (scp_keys){ .left_qc = b->left_qc, .left_unlabelled = b->left_unlabelled };
    SCP_TRY(check_labels(b));
    SCP_GOTO(done, sort_names(b->line, &keys->line, &keys->n_lines, &line));
    SCP_GOTO(done, sort_names(b->drug, &keys->drug, &keys->n_drugs, &drug));
    SCP_GOTO(done, sort_names(b->plate, &keys->plate, &keys->n_plates, &plate));
    for (size_t i = 0; i < b->n; i++) {
        scp_key *k = &b->key[i].key;
        k->line = line[k->line];
        k->plate = plate[k->plate];
        if (k->drug >= 0) k->drug = drug[k->drug];
    }
    SCP_GOTO(done, move_texts(b->smiles, drug, keys->n_drugs, &keys->smiles));
    SCP_GOTO(done, move_texts(b->moa, drug, keys->n_drugs, &keys->moa));
    SCP_GOTO(done, sort_keys(b, keys));
    keys->n_files = b->n_files;
    keys->file_cells = b->file_cells;
    keys->cell_key = b->cell_key;
    b->file_cells = NULL;
    b->cell_key = NULL;
done:
    free(line);
    free(drug);
    free(plate);
    if (st != SCP_OK) scp_keys_fini(keys);
    return st;
}

void scp_keys_fini(scp_keys *k)
{
    if (!k) return;
    scp_fs_list_free(k->line, k->n_lines);
    scp_fs_list_free(k->drug, k->n_drugs);
    scp_fs_list_free(k->plate, k->n_plates);
    scp_fs_list_free(k->smiles, k->n_drugs);
    scp_fs_list_free(k->moa, k->n_drugs);
    for (size_t i = 0; k->cell_key && i < k->n_files; i++) free(k->cell_key[i]);
    free(k->cell_key);
    free(k->file_cells);
    free(k->key);
    free(k->cells);
    *k = (scp_keys){ 0 };
}

const char *scp_key_text(const scp_keys *keys, const scp_key *key, char *buf, size_t size)
{
    snprintf(buf, size, "%s | %s | %g uM | %s", keys->line[key->line],
             key->drug < 0 ? "vehicle" : keys->drug[key->drug], key->dose, keys->plate[key->plate]);
    return buf;
}
