/* Grouping of cells into keys: one probe of the key table a cell; keys and names are numbered when
 * all files were seen. */
#include "data/keys.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "base/hash.h"
#include "base/mem.h"
#include "data/keys_columns.h"

typedef struct entry {
    scp_key key;
    int32_t id; /* order of appearance */
    int64_t cells;
} entry;

struct scp_keys_builder {
    scp_obs_map map;
    scp_key_names names;
    entry *key; /* [n] */
    size_t n, cap;
    int32_t *table; /* [slots] index into key + 1, 0 = free; open addressing, at most half full */
    size_t slots;   /* a power of two */
    size_t n_files, done;
    size_t *file_cells;
    int32_t **cell_key;
    scp_cells_left left;
    int64_t vehicle_cells;
    int64_t *label_cells; /* [names.drug] cells that carry a label, in keys or not */
    size_t cap_label_cells;
};

static const char *const left_name[SCP_CELL_COUNT] = {
    [SCP_CELL_KEPT] = "",
    [SCP_CELL_QUALITY] = "quality",
    [SCP_CELL_UNLABELLED] = "unlabelled",
    [SCP_CELL_NO_DOSE] = "no_dose",
    [SCP_CELL_ZERO_DOSE] = "zero_dose",
    [SCP_CELL_NEGATIVE_DOSE] = "negative_dose",
    [SCP_CELL_COMBINATION] = "combination",
};

const char *scp_cell_left_name(scp_cell_left why)
{
    return (unsigned)why < SCP_CELL_COUNT ? left_name[why] : "?";
}

scp_status scp_keys_builder_create(const scp_obs_map *map, size_t n_files, scp_keys_builder **out)
{
    SCP_ARG(map && map->line && map->drug && map->vehicle && out,
            "columns of the line and the drug, and the vehicle label, are required");
    scp_status st = SCP_OK;
    scp_keys_builder *b = NULL;
    SCP_TRY(scp_alloc(1, sizeof *b, &b));
    b->map = *map;
    b->n_files = n_files;
    SCP_GOTO(done, scp_key_names_create(&b->names));
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
    free(b->label_cells);
    free(b->key);
    free(b->table);
    for (size_t i = 0; b->cell_key && i < b->n_files; i++) free(b->cell_key[i]);
    free(b->cell_key);
    free(b->file_cells);
    scp_key_names_fini(&b->names);
    free(b);
    *builder = NULL;
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

/* Count cells of a key. */
static scp_status count_cells(scp_keys_builder *b, const scp_key *key, int64_t cells, int32_t *id)
{
    SCP_TRY(grow_table(b));
    size_t at = probe(b, key);
    if (b->table[at] == 0) {
        SCP_TRY(scp_grow(&b->key, &b->cap, b->n + 1, sizeof *b->key));
        b->key[b->n] = (entry){ .key = *key, .id = (int32_t)b->n };
        b->table[at] = (int32_t)++b->n;
    }
    entry *e = &b->key[b->table[at] - 1];
    e->cells += cells;
    if (key->drug == SCP_VEHICLE) b->vehicle_cells += cells;
    *id = e->id;
    return SCP_OK;
}

/* Count a cell that is in no key; the first of each kind is kept in words. */
static void leave(scp_keys_builder *b, const scp_key_columns *c, size_t row, scp_cell_left why)
{
    if (b->left.cells[why]++ > 0) return;
    snprintf(b->left.first[why], sizeof b->left.first[why], "%s: row %zu, dose '%s'", c->path, row,
             scp_key_columns_dose(c, row));
}

static scp_status count_labels(scp_keys_builder *b, const scp_key_columns *c)
{
    SCP_TRY(scp_grow(&b->label_cells, &b->cap_label_cells, scp_names_count(b->names.drug),
                     sizeof *b->label_cells));
    for (size_t i = 0; i < c->drug.n; i++) {
        int32_t drug = c->drug.code[i] < 0 ? -1 : c->drug_id[c->drug.code[i]];
        if (drug >= 0) b->label_cells[drug]++;
    }
    return SCP_OK;
}

scp_status scp_keys_add_file(scp_keys_builder *b, scp_h5ad *f)
{
    SCP_ARG(b && f && b->done < b->n_files, "one file more than announced");
    scp_status st = SCP_OK;
    scp_key_columns c = { 0 };
    size_t n = scp_h5ad_n_obs(f), at = b->done;
    if (!b->map.plate) SCP_TRY(scp_names_add(b->names.plate, "all", &(size_t){ 0 }));
    SCP_GOTO(done, scp_key_columns_read(&b->map, f, &b->names, &c));
    SCP_GOTO(done, count_labels(b, &c));
    SCP_GOTO(done, scp_alloc(n, sizeof **b->cell_key, &b->cell_key[at]));
    b->file_cells[at] = n;
    for (size_t row = 0; row < n; row++) {
        scp_key key;
        scp_cell_left why = SCP_CELL_KEPT;
        b->cell_key[at][row] = -1;
        SCP_GOTO(done, scp_key_columns_cell(&c, row, &key, &why));
        if (why == SCP_CELL_KEPT)
            SCP_GOTO(done, count_cells(b, &key, 1, &b->cell_key[at][row]));
        else
            leave(b, &c, row, why);
    }
    b->done++;
done:
    scp_key_columns_fini(&c);
    return st;
}

static scp_status add_name(scp_names *names, const char *name, int32_t *number)
{
    size_t at;
    SCP_TRY(scp_names_add(names, name, &at));
    *number = (int32_t)at;
    return SCP_OK;
}

scp_status scp_keys_add_count(scp_keys_builder *b, const char *line, const char *drug, double uM,
                              const char *plate, int64_t cells)
{
    SCP_ARG(b && line && drug && plate && cells >= 0, "names and a number of cells are required");
    scp_key key = { .drug = SCP_VEHICLE };
    SCP_TRY(add_name(b->names.line, line, &key.line));
    SCP_TRY(add_name(b->names.plate, plate, &key.plate));
    if (strcmp(drug, b->map.vehicle) != 0) {
        SCP_TRY(add_name(b->names.drug, drug, &key.drug));
        SCP_TRY(scp_dose_to_uM(uM, "uM", &key.dose));
    }
    size_t drugs = scp_names_count(b->names.drug);
    SCP_TRY(scp_grow(&b->names.smiles, &b->names.cap_smiles, drugs, sizeof *b->names.smiles));
    SCP_TRY(scp_grow(&b->names.moa, &b->names.cap_moa, drugs, sizeof *b->names.moa));
    return count_cells(b, &key, cells, &(int32_t){ 0 });
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

/* The labels of the drug column that most cells carry: "'A' (120 cells), 'B' (80 cells)". */
static scp_status common_labels(const scp_keys_builder *b, scp_strbuf *out)
{
    enum { SHOWN = 5 };
    const int64_t *cells = b->label_cells;
    size_t n = scp_names_count(b->names.drug) < b->cap_label_cells ? scp_names_count(b->names.drug)
                                                                   : b->cap_label_cells;
    int64_t below = INT64_MAX;
    for (size_t shown = 0, last = n; shown < SHOWN; shown++) {
        size_t most = n; /* the next one in the order of (cells, falling; number) */
        for (size_t d = 0; d < n; d++)
            if ((cells[d] < below || (cells[d] == below && d > last)) &&
                (most == n || cells[d] > cells[most]))
                most = d;
        if (most == n || cells[most] == 0) break;
        SCP_TRY(scp_strbuf_addf(out, "%s'%s' (%lld cells)", shown ? ", " : "",
                                scp_names_get(b->names.drug, most), (long long)cells[most]));
        below = cells[most];
        last = most;
    }
    return SCP_OK;
}

/* Is there anything to work on, and a control? */
static scp_status check_labels(const scp_keys_builder *b)
{
    if (b->n == 0) {
        const int64_t *left = b->left.cells;
        SCP_FAIL(SCP_EDATA,
                 "no cell is left: %lld have another quality label than '%s', %lld lack a label, "
                 "%lld a dose, %lld have dose 0, %lld a negative one, %lld several drugs",
                 (long long)left[SCP_CELL_QUALITY], b->map.qc_value ? b->map.qc_value : "",
                 (long long)left[SCP_CELL_UNLABELLED], (long long)left[SCP_CELL_NO_DOSE],
                 (long long)left[SCP_CELL_ZERO_DOSE], (long long)left[SCP_CELL_NEGATIVE_DOSE],
                 (long long)left[SCP_CELL_COMBINATION]);
    }
    if (b->vehicle_cells > 0) return SCP_OK;
    scp_strbuf list = { 0 };
    scp_status st = common_labels(b, &list);
    if (st == SCP_OK)
        st = scp_err_raise(SCP_EDATA, __FILE__, __LINE__, NULL,
                           "no cell carries the vehicle label '%s' in obs column '%s'; most "
                           "frequent of its %zu other labels: %s: name the label with --vehicle",
                           b->map.vehicle, b->map.drug, scp_names_count(b->names.drug),
                           list.text ? list.text : "none");
    scp_strbuf_fini(&list);
    return st;
}

scp_status scp_keys_finish(scp_keys_builder *b, scp_keys *keys)
{
    SCP_ARG(b && keys && b->done == b->n_files, "every announced file must be added first");
    scp_status st = SCP_OK;
    int32_t *line = NULL, *drug = NULL, *plate = NULL;
    *keys = (scp_keys){ .left = b->left };
    SCP_TRY(check_labels(b));
    SCP_GOTO(done, sort_names(b->names.line, &keys->line, &keys->n_lines, &line));
    SCP_GOTO(done, sort_names(b->names.drug, &keys->drug, &keys->n_drugs, &drug));
    SCP_GOTO(done, sort_names(b->names.plate, &keys->plate, &keys->n_plates, &plate));
    for (size_t i = 0; i < b->n; i++) {
        scp_key *k = &b->key[i].key;
        k->line = line[k->line];
        k->plate = plate[k->plate];
        if (k->drug >= 0) k->drug = drug[k->drug];
    }
    SCP_GOTO(done, move_texts(b->names.smiles, drug, keys->n_drugs, &keys->smiles));
    SCP_GOTO(done, move_texts(b->names.moa, drug, keys->n_drugs, &keys->moa));
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

uint64_t scp_key_hash(const scp_keys *keys, const scp_key *key)
{
    uint64_t h = scp_hash_text(keys->line[key->line], 0);
    h = scp_hash_text(key->drug >= 0 ? keys->drug[key->drug] : "", h);
    h = scp_hash_bytes(&key->dose, sizeof key->dose, h);
    return scp_hash_text(keys->plate[key->plate], h);
}

const char *scp_key_text(const scp_keys *keys, const scp_key *key, char *buf, size_t size)
{
    snprintf(buf, size, "%s | %s | %g uM | %s", keys->line[key->line],
             key->drug < 0 ? "vehicle" : keys->drug[key->drug], key->dose, keys->plate[key->plate]);
    return buf;
}
