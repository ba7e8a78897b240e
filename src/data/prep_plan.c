/* Rank 0's part of scppdm_prep: labels, keys, structures, pairs, splits, slots. */
#include "data/prep_plan.h"

#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/team.h"
#include "data/normalize.h"
#include "data/split.h"

enum { PLAN_VERSION = 2 };

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static int compare_path(const void *pa, const void *pb)
{
    const char *a = *(char *const *)pa, *b = *(char *const *)pb;
    int by_name = strcmp(base_name(a), base_name(b));
    return by_name ? by_name : strcmp(a, b);
}

/* Inputs in the order of their names: the shard does not depend on the order of arguments. */
static scp_status sort_inputs(scp_prep_plan *p, const scp_text_list *inputs)
{
    if (!inputs || inputs->n == 0) SCP_FAIL(SCP_EUSAGE, "no input: name one or more .h5ad files");
    p->n_files = inputs->n;
    SCP_TRY(scp_alloc(p->n_files, sizeof *p->path, &p->path));
    for (size_t i = 0; i < p->n_files; i++) p->path[i] = inputs->v[i];
    qsort(p->path, p->n_files, sizeof *p->path, compare_path);
    for (size_t i = 1; i < p->n_files; i++)
        if (strcmp(p->path[i - 1], p->path[i]) == 0)
            SCP_FAIL(SCP_EUSAGE, "input %s is given twice", p->path[i]);
    return SCP_OK;
}

scp_obs_map scp_prep_map(const scp_prep_settings *s)
{
    scp_obs_map m = scp_obs_map_preset((scp_layout)s->layout);
    scp_obs_map_override(&m.line, s->obs_line);
    scp_obs_map_override(&m.drug, s->obs_drug);
    scp_obs_map_override(&m.dose, s->obs_dose);
    scp_obs_map_override(&m.unit, s->obs_dose_unit);
    scp_obs_map_override(&m.plate, s->obs_plate);
    scp_obs_map_override(&m.smiles, s->obs_smiles);
    scp_obs_map_override(&m.moa, s->obs_moa);
    scp_obs_map_override(&m.qc, s->qc_column);
    scp_obs_map_override(&m.qc_value, s->qc_value);
    if (s->dose_unit && s->dose_unit[0]) m.dose_unit = s->dose_unit;
    if (s->vehicle && s->vehicle[0]) m.vehicle = s->vehicle;
    if (s->values > 0) m.values = (scp_values)(s->values - 1);
    if (s->drugs && s->drugs[0] && !(s->obs_smiles && s->obs_smiles[0])) m.smiles = NULL;
    return m;
}

scp_status scp_prep_plan_begin(scp_prep_plan *p, const scp_prep_settings *s,
                               const scp_text_list *inputs)
{
    SCP_ARG(p && s, "plan and settings are required");
    *p = (scp_prep_plan){ .set = s, .map = scp_prep_map(s) };
    p->min_cells = s->min_cells > 0 ? s->min_cells : p->map.min_cells;
    SCP_TRY(sort_inputs(p, inputs));
    if (!s->output || !s->output[0])
        SCP_FAIL(SCP_EUSAGE, "no output: name the shard with --output=FILE.h5");
    if (!p->map.line || !p->map.drug)
        SCP_FAIL(SCP_EUSAGE, "the columns of the cell line and the drug cannot be 'none'");
    if (!p->map.smiles && !(s->drugs && s->drugs[0]))
        SCP_FAIL(SCP_EUSAGE,
                 "no structures: give a drug table with --drugs=FILE.tsv, or the obs column "
                 "that holds SMILES with --obs-smiles=COLUMN");
    if (p->map.qc && !p->map.qc_value)
        SCP_FAIL(SCP_EUSAGE, "--qc-column=%s needs --qc-value=LABEL", p->map.qc);
    if (s->ud + s->val > 1 || s->uc + s->val > 1)
        SCP_FAIL(SCP_EUSAGE, "test and validation shares add up to more than 1");
    p->bulk = (scp_bulk_plan){ .values = p->map.values,
                               .n_files = p->n_files,
                               .memory = (size_t)s->memory << 20,
                               .single_writer = s->single_writer,
                               .keep_parts = s->keep_parts,
                               .threads = s->threads > 0 ? (int)s->threads : scp_team_default(),
                               .path = p->path,
                               .matrix = s->matrix && s->matrix[0] ? s->matrix : "X" };
    return SCP_OK;
}

/* ---- reading what the files say of themselves ---- */

static scp_status read_genes(const scp_prep_plan *p, scp_h5ad *f, char ***gene)
{
    if (!p->set->var_gene || !p->set->var_gene[0]) return scp_h5ad_var_names(f, gene);
    scp_h5ad_text col = { 0 };
    scp_status st = SCP_OK;
    size_t n = scp_h5ad_n_vars(f);
    SCP_GOTO(done, scp_h5ad_var_text(f, p->set->var_gene, &col));
    SCP_GOTO(done, scp_alloc(n, sizeof **gene, gene));
    for (size_t g = 0; g < n; g++)
        SCP_GOTO(done, scp_strdup(col.code[g] < 0 ? "" : col.label[col.code[g]], &(*gene)[g]));
done:
    scp_h5ad_text_fini(&col);
    return st;
}

static scp_status check_unique(char *const *gene, size_t n, const char *path)
{
    scp_status st = SCP_OK;
    scp_names *seen = NULL;
    SCP_TRY(scp_names_create(&seen));
    for (size_t g = 0; g < n; g++) {
        size_t at;
        SCP_GOTO(done, scp_names_add(seen, gene[g], &at));
        if (at < g)
            SCP_FAIL_GOTO(done, SCP_EDATA,
                          "%s: gene '%s' stands in columns %zu and %zu: choose a var "
                          "column of unique names with --var-gene",
                          path, gene[g], at, g);
    }
done:
    scp_names_destroy(&seen);
    return st;
}

/* The first file gives the genes, the others must agree. */
static scp_status take_genes(scp_prep_plan *p, scp_h5ad *f)
{
    scp_status st = SCP_OK;
    size_t n = scp_h5ad_n_vars(f);
    char **gene = NULL;
    if (n == 0) SCP_FAIL(SCP_EDATA, "%s: var is empty: there is no gene to read", scp_h5ad_path(f));
    SCP_GOTO(done, read_genes(p, f, &gene));
    if (!p->gene) {
        SCP_GOTO(done, check_unique(gene, n, scp_h5ad_path(f)));
        p->gene = gene;
        p->bulk.G = n;
        return SCP_OK;
    }
    if (n != p->bulk.G)
        SCP_FAIL_GOTO(done, SCP_EDATA,
                      "%s has %zu genes, %s has %zu: all files must have the same genes in "
                      "the same order",
                      scp_h5ad_path(f), n, p->path[0], p->bulk.G);
    for (size_t g = 0; g < n; g++)
        if (strcmp(gene[g], p->gene[g]) != 0)
            SCP_FAIL_GOTO(done, SCP_EDATA,
                          "%s: gene %zu is '%s', in %s it is '%s': all files must have the "
                          "same genes in the same order",
                          scp_h5ad_path(f), g, gene[g], p->path[0], p->gene[g]);
done:
    scp_fs_list_free(gene, n);
    return st;
}

scp_status scp_prep_plan_file(scp_prep_plan *p, size_t i, scp_h5ad **f)
{
    SCP_ARG(p && f && i < p->n_files, "file %zu of a plan", i);
    scp_status st = SCP_OK;
    if (!p->open || p->open_file != i) {
        scp_h5ad_close(&p->open);
        SCP_GOTO(done, scp_h5ad_open(p->path[i], &p->open));
        SCP_GOTO(done, scp_h5ad_select_matrix(p->open, p->bulk.matrix));
        p->open_file = i;
    }
done:
    if (st != SCP_OK) scp_h5ad_close(&p->open);
    *f = p->open;
    return st;
}

static scp_status read_labels(scp_prep_plan *p)
{
    scp_status st = SCP_OK;
    scp_keys_builder *b = NULL;
    scp_h5ad *f = NULL;
    SCP_GOTO(done, scp_alloc(p->n_files, sizeof *p->input, &p->input));
    SCP_GOTO(done, scp_alloc(p->n_files, sizeof *p->bulk.stamp, &p->bulk.stamp));
    SCP_GOTO(done, scp_keys_builder_create(&p->map, p->n_files, &b));
    for (size_t i = 0; i < p->n_files; i++) {
        SCP_GOTO(done, scp_fs_stamp_get(p->path[i], &p->bulk.stamp[i]));
        SCP_GOTO(done, scp_prep_plan_file(p, i, &f));
        SCP_GOTO(done, take_genes(p, f));
        SCP_GOTO(done, scp_keys_add_file(b, f));
        p->input[i] = (scp_prep_input){ .path = p->path[i],
                                        .cells = (int64_t)scp_h5ad_n_obs(f),
                                        .bytes = p->bulk.stamp[i].bytes,
                                        .modified = p->bulk.stamp[i].modified };
        SCP_GOTO(done, scp_h5ad_starts_digest(f, &p->input[i].starts));
        scp_log(SCP_LOG_INFO, "%s: %lld cells", p->path[i], (long long)p->input[i].cells);
    }
    SCP_GOTO(done, scp_keys_finish(b, &p->keys));
    for (int why = SCP_CELL_UNLABELLED; why < SCP_CELL_COUNT; why++)
        if (p->keys.left.cells[why] > 0)
            scp_log(SCP_LOG_WARN, "%lld %s left out: %s; the first: %s",
                    (long long)p->keys.left.cells[why],
                    p->keys.left.cells[why] == 1 ? "cell is" : "cells are",
                    scp_cell_left_name((scp_cell_left)why), p->keys.left.first[why]);
done:
    scp_keys_builder_destroy(&b);
    return st;
}

/* ---- decisions ---- */

static scp_status resolve_drugs(scp_prep_plan *p)
{
    scp_status st = SCP_OK;
    scp_drug_table *table = NULL;
    if (p->set->drugs && p->set->drugs[0]) SCP_TRY(scp_drug_table_read(p->set->drugs, &table));
    st = scp_structures_resolve(&p->keys, table, &p->drugs);
    scp_drug_table_destroy(&table);
    return st;
}

/* With --strict whatever would be left out is an error, named. */
static scp_status check_strict(const scp_prep_plan *p)
{
    char text[512];
    if (!p->set->strict) return SCP_OK;
    for (int why = SCP_CELL_UNLABELLED; why < SCP_CELL_COUNT; why++)
        if (p->keys.left.cells[why] > 0)
            SCP_FAIL(SCP_EDATA, "--strict: %lld cell%s would be left out: %s (%s)",
                     (long long)p->keys.left.cells[why], p->keys.left.cells[why] == 1 ? "" : "s",
                     scp_cell_left_name((scp_cell_left)why), p->keys.left.first[why]);
    for (size_t i = 0; i < p->keys.n; i++) {
        scp_left why = (scp_left)p->pairing.left[i];
        const scp_key *k = &p->keys.key[i];
        if (why == SCP_LEFT_NO_STRUCTURE)
            SCP_FAIL(SCP_EDATA, "--strict: drug '%s' has no usable structure: %s",
                     p->keys.drug[k->drug], p->drugs.why[k->drug]);
        if (why != SCP_LEFT_NONE)
            SCP_FAIL(SCP_EDATA, "--strict: key %s of %lld cell%s would be left out: %s",
                     scp_key_text(&p->keys, k, text, sizeof text), (long long)p->keys.cells[i],
                     p->keys.cells[i] == 1 ? "" : "s", scp_left_name(why));
    }
    return SCP_OK;
}

/* A profile gets as many slots as sub-bulks, but no more than it has cells. */
static void ask_sub_bulks(scp_prep_plan *p, int32_t profile)
{
    int64_t n = p->set->replicates, cells = p->tables.p_cells[profile];
    if (n > cells) n = cells;
    if (n > 1) p->bulk.first_slot[profile + 1] = (int32_t)n;
}

/* Slots: one for a profile, several for a held-out one and its control: their sub-bulks show the
 * noise of a well, and are what paired tests of treated against control pair. */
static scp_status plan_slots(scp_prep_plan *p)
{
    scp_bulk_plan *b = &p->bulk;
    const scp_dataset *d = &p->tables;
    b->P = d->P;
    SCP_TRY(scp_alloc(b->P + 1, sizeof *b->first_slot, &b->first_slot));
    SCP_TRY(scp_alloc(b->P, sizeof *b->plate, &b->plate));
    SCP_TRY(scp_alloc(b->P, sizeof *b->train, &b->train));
    for (size_t i = 0; i < b->P; i++) {
        b->plate[i] = d->p_plate[i];
        b->first_slot[i + 1] = 1;
    }
    for (size_t i = 0; i < d->N; i++) {
        if (d->split[i] == SCP_SPLIT_TRAIN) {
            b->train[d->post[i]] = b->train[d->pre[i]] = 1;
            continue;
        }
        ask_sub_bulks(p, d->post[i]);
        ask_sub_bulks(p, d->pre[i]);
    }
    for (size_t i = 0; i < b->P; i++) {
        if (b->first_slot[i + 1] > 1) b->R += (size_t)b->first_slot[i + 1];
        b->first_slot[i + 1] += b->first_slot[i];
    }
    return SCP_OK;
}

/* A plate that begins is a seam, unless it lies between the first and the last profile of a
 * file. */
static scp_status find_seams(scp_bulk_plan *b)
{
    SCP_TRY(scp_alloc(b->P, sizeof *b->seam, &b->seam));
    for (size_t i = 1; i < b->P; i++) b->seam[i] = b->plate[i] != b->plate[i - 1];
    for (size_t f = 0; f < b->n_files; f++) {
        int32_t low = INT32_MAX, high = -1;
        for (size_t i = 0; i < b->file_cells[f]; i++) {
            int32_t slot = b->cell_slot[f][i];
            if (slot < 0) continue;
            if (slot < low) low = slot;
            if (slot > high) high = slot;
        }
        for (size_t i = 1; i < b->P; i++)
            if (b->first_slot[i] > low && b->first_slot[i] <= high) b->seam[i] = 0;
    }
    return SCP_OK;
}

/* ---- what parts of a run depend on ---- */

/* Keys of the cells of every file as checksums that do not depend on numbering. */
static scp_status hash_labels(scp_prep_plan *p)
{
    enum { BLOCK = 4096 };
    const scp_keys *k = &p->keys;
    uint64_t *name = NULL, block[BLOCK];
    SCP_TRY(scp_alloc(k->n, sizeof *name, &name));
    for (size_t i = 0; i < k->n; i++) name[i] = scp_key_hash(k, &k->key[i]);
    for (size_t f = 0; f < k->n_files; f++)
        for (size_t at = 0; at < k->file_cells[f]; at += BLOCK) {
            size_t n = k->file_cells[f] - at < BLOCK ? k->file_cells[f] - at : BLOCK;
            for (size_t i = 0; i < n; i++) {
                int32_t key = k->cell_key[f][at + i];
                block[i] = key < 0 ? 0 : name[key];
            }
            p->input[f].labels = scp_hash_bytes(block, n * sizeof *block, p->input[f].labels);
        }
    free(name);
    return SCP_OK;
}

/* Everything that decides what is in a part: another value, another plan. */
static void hash_plan(scp_prep_plan *p)
{
    scp_bulk_plan *b = &p->bulk;
    const int64_t head[] = { PLAN_VERSION,  (int64_t)b->values, (int64_t)b->G,
                             (int64_t)b->P, (int64_t)b->R,      (int64_t)b->n_files };
    p->genes = 0;
    for (size_t g = 0; g < b->G; g++) p->genes = scp_hash_text(p->gene[g], p->genes);
    uint64_t h = scp_hash_bytes(head, sizeof head, p->genes);
    h = scp_hash_text(b->matrix, h);
    h = scp_hash_bytes(b->first_slot, (b->P + 1) * sizeof *b->first_slot, h);
    h = scp_hash_bytes(b->train, b->P, h);
    for (size_t f = 0; f < b->n_files; f++) {
        const scp_prep_input *in = &p->input[f];
        const int64_t file[] = { in->bytes, in->modified, (int64_t)in->labels,
                                 (int64_t)in->starts };
        h = scp_hash_text(base_name(in->path), h);
        h = scp_hash_bytes(file, sizeof file, h);
        h = scp_hash_bytes(b->cell_slot[f], b->file_cells[f] * sizeof **b->cell_slot, h);
    }
    b->hash = h;
}

scp_status scp_prep_plan_keys(scp_prep_plan *p)
{
    SCP_ARG(p && p->set, "a plan with keys is required");
    const scp_split_settings split = {
        .seed = (uint64_t)p->set->seed, .ud = p->set->ud, .uc = p->set->uc, .val = p->set->val
    };
    SCP_TRY(resolve_drugs(p));
    SCP_TRY(scp_pair(&p->keys, &p->drugs, p->min_cells, &p->pairing, &p->tables));
    SCP_TRY(check_strict(p));
    SCP_TRY(scp_split_draw(&p->tables, &split));
    if (p->tables.P > SCP_MOST_PROFILES)
        SCP_FAIL(SCP_EDATA,
                 "%zu profiles, but moments of genes are exact for at most %lld: prepare "
                 "the files in several shards",
                 p->tables.P, (long long)SCP_MOST_PROFILES);
    SCP_TRY(plan_slots(p));
    SCP_TRY(hash_labels(p));
    SCP_TRY(scp_prep_plan_deal(p));
    SCP_TRY(find_seams(&p->bulk));
    hash_plan(p);
    p->bulk.plate_name = p->tables.plate;
    return SCP_OK;
}

scp_status scp_prep_plan_decide(scp_prep_plan *p)
{
    SCP_ARG(p, "a plan is required");
    SCP_TRY(read_labels(p));
    return scp_prep_plan_keys(p);
}

void scp_prep_plan_fini(scp_prep_plan *p)
{
    if (!p) return;
    scp_h5ad_close(&p->open);
    scp_fs_list_free(p->gene, p->bulk.G);
    scp_dataset_fini(&p->tables);
    scp_pairing_fini(&p->pairing);
    scp_structures_fini(&p->drugs);
    scp_keys_fini(&p->keys);
    scp_bulk_plan_fini(&p->bulk);
    free(p->input);
    free(p->path);
    *p = (scp_prep_plan){ 0 };
}
