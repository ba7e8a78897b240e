/* Grouping of cells into keys, structures and pairs: the traps of the labels. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/keys.h"
#include "data/pair.h"
#include "data/screen.h"
#include "data/structures.h"
#include "tap.h"

static screen scr;
static char path[2][SCP_PATH_MAX + 32], table_path[SCP_PATH_MAX + 32];

static scp_status read_keys(int first, scp_keys *keys)
{
    scp_obs_map map = scp_obs_map_preset(SCP_LAYOUT_TAHOE);
    scp_keys_builder *b = NULL;
    scp_status st = scp_keys_builder_create(&map, 2, &b);
    for (int i = 0; i < 2 && st == SCP_OK; i++) {
        scp_h5ad *f = NULL;
        st = scp_h5ad_open(path[(first + i) % 2], &f);
        if (st == SCP_OK) st = scp_keys_add_file(b, f);
        scp_h5ad_close(&f);
    }
    if (st == SCP_OK) st = scp_keys_finish(b, keys);
    scp_keys_builder_destroy(&b);
    return st;
}

static int64_t find(const scp_keys *k, const char *line, const char *drug, double dose,
                    const char *plate)
{
    for (size_t i = 0; i < k->n; i++) {
        const scp_key *key = &k->key[i];
        const char *name = key->drug < 0 ? "" : k->drug[key->drug];
        if (strcmp(k->line[key->line], line) == 0 && strcmp(name, drug) == 0 && key->dose == dose &&
            strcmp(k->plate[key->plate], plate) == 0)
            return (int64_t)i;
    }
    return -1;
}

/* Cells of a key by a plain count over the screen. */
static int64_t count(const char *line, const char *drug, const char *plate)
{
    int64_t n = 0;
    for (int f = 0; f < 2; f++)
        for (size_t i = 0; i < scr.file[f].n; i++) {
            const screen_cell *c = &scr.file[f].cell[i];
            n += strcmp(c->line, line) == 0 && strcmp(c->drug, drug) == 0 &&
                 strcmp(c->plate, plate) == 0 && strcmp(c->pass, "full") == 0;
        }
    return n;
}

static void test_keys(scp_keys *k)
{
    tap_ok(k->n_lines == 5 && k->n_drugs == 10 && k->n_plates == 2, "lines, drugs, plates");
    tap_ok(k->n == 2 * 5 * 11, "110 keys");
    int64_t at = find(k, "RKO", "Erdafitinib", 0.5, "plate2");
    tap_ok(at >= 0 && k->cells[at] == count("RKO", "Erdafitinib ", "plate2"),
           "a trailing blank is trimmed, the cells of both files are one key");
    tap_ok(find(k, "RKO", "Trametinib (DMSO_TF solvate)", 0.05, "plate1") >= 0,
           "a drug with the vehicle's label in its name is a drug");
    at = find(k, "RKO", "", 0, "plate1");
    tap_ok(at >= 0 && k->cells[at] == 8, "and the vehicle has its own cells alone");
    tap_ok(find(k, "RKO", "Caffeine", 0.05, "plate1") >= 0, "50 nM is 0.05 uM");
    tap_ok(find(k, "A549", "5'-Deoxy, (x)", 0.5, "plate2") >= 0, "an apostrophe in the label");
    int64_t kept = 0, minimal = 0;
    for (size_t i = 0; i < k->n; i++) kept += k->cells[i];
    for (int f = 0; f < 2; f++)
        for (size_t i = 0; i < scr.file[f].n; i++)
            minimal += strcmp(scr.file[f].cell[i].pass, "minimal") == 0;
    tap_ok(minimal > 0 && k->left.cells[SCP_CELL_QUALITY] == minimal,
           "cells of minimal quality are left out and counted");
    tap_ok(kept + minimal == (int64_t)(scr.file[0].n + scr.file[1].n), "no cell is lost");
    bool sorted = true;
    for (size_t i = 1; i < k->n; i++) sorted = sorted && k->key[i - 1].plate <= k->key[i].plate;
    tap_ok(sorted && k->key[0].drug == SCP_VEHICLE, "sorted by plate, vehicle first");
}

static void test_order(const scp_keys *k)
{
    scp_keys r = { 0 };
    if (!tap_st(read_keys(1, &r), "the files in the other order")) return;
    bool same = r.n == k->n;
    for (size_t i = 0; same && i < k->n; i++)
        same = memcmp(&r.key[i], &k->key[i], sizeof r.key[i]) == 0 && r.cells[i] == k->cells[i];
    tap_ok(same, "give the same keys");
    tap_ok(memcmp(r.cell_key[1], k->cell_key[0], k->file_cells[0] * sizeof(int32_t)) == 0,
           "and the same key for every cell");
    scp_keys_fini(&r);
}

static void test_pairs(const scp_keys *k)
{
    scp_drug_table *table = NULL;
    scp_structures s = { 0 };
    scp_pairing p = { 0 };
    scp_dataset d = { 0 };
    tap_st(scp_drug_table_read(table_path, &table), "drug table");
    if (!tap_st(scp_structures_resolve(k, table, &s), "structures")) return;
    size_t bad = 0;
    for (size_t i = 0; i < s.n; i++) bad += s.why[i] != NULL;
    tap_ok(bad == 2 && s.n_parents == 7, "two drugs are unusable, eight have seven parents");
    if (!tap_st(scp_pair(k, &s, SCREEN_MIN_CELLS, &p, &d), "pairs")) return;
    tap_ok(p.n_left[SCP_LEFT_NO_STRUCTURE] == 20, "keys of drugs without structure");
    tap_ok(p.n_left[SCP_LEFT_FEW_CELLS] == 2, "a treated and a vehicle key of two cells");
    tap_ok(p.n_left[SCP_LEFT_NO_CONTROL] == 8, "keys without a control");
    tap_ok(d.P == 110 - 30 && d.N == 80 - 9 && d.n_drugs == 8, "the rest are profiles and pairs");
    bool matched = true;
    for (size_t i = 0; i < d.N; i++)
        matched = matched && d.p_drug[d.pre[i]] == SCP_VEHICLE && d.p_drug[d.post[i]] >= 0 &&
                  d.p_plate[d.pre[i]] == d.p_plate[d.post[i]] &&
                  d.p_line[d.pre[i]] == d.p_line[d.post[i]];
    tap_ok(matched, "every control is the vehicle of the same line and plate");
    bool together = true;
    for (size_t i = 0; i < d.n_drugs; i++)
        if (strncmp(d.drug[i], "Aspirin", 7) == 0)
            together = together && strcmp(d.parent_name[d.parent[i]], "CC(=O)Oc1ccccc1C(=O)O") == 0;
    tap_ok(together, "a salt is in the group of its parent");
    scp_dataset_fini(&d);
    scp_pairing_fini(&p);
    tap_fails(scp_pair(k, &s, 1000, &p, &d), SCP_EDATA, "no treated key",
              "too many cells asked for");
    scp_structures_fini(&s);
    scp_drug_table_destroy(&table);
}

/* One spoilt file: the message must name what is wrong. */
static void spoilt(const screen_spoil *spoil, const scp_obs_map *map, const char *part,
                   const char *what)
{
    char file[SCP_PATH_MAX + 32];
    scp_h5ad *f = NULL;
    scp_keys keys = { 0 };
    scp_keys_builder *b = NULL;
    snprintf(file, sizeof file, "%s/spoilt.h5ad", tap_tmpdir());
    scp_status st = screen_write(&scr.file[0], file, spoil);
    if (st == SCP_OK) st = scp_keys_builder_create(map, 1, &b);
    if (st == SCP_OK) st = scp_h5ad_open(file, &f);
    if (st == SCP_OK) st = scp_keys_add_file(b, f);
    if (st == SCP_OK) st = scp_keys_finish(b, &keys);
    tap_fails(st, SCP_EDATA, part, "%s", what);
    scp_h5ad_close(&f);
    scp_keys_builder_destroy(&b);
}

int main(void)
{
    scp_keys keys = { 0 };
    scp_obs_map map = scp_obs_map_preset(SCP_LAYOUT_TAHOE);
    screen_make(&scr);
    for (int i = 0; i < 2; i++) {
        snprintf(path[i], sizeof path[i], "%s/%s", tap_tmpdir(), scr.file[i].name);
        tap_st(screen_write(&scr.file[i], path[i], NULL), "write %s", scr.file[i].name);
    }
    snprintf(table_path, sizeof table_path, "%s/drugs.tsv", tap_tmpdir());
    tap_st(screen_write_drugs(table_path), "write the drug table");
    if (tap_st(read_keys(0, &keys), "read the labels")) {
        test_keys(&keys);
        test_order(&keys);
        test_pairs(&keys);
    }
    scp_keys_fini(&keys);
    spoilt(&(screen_spoil){ .drop = "cell_line" }, &map, "cell_line", "a missing column");
    char row[32];
    snprintf(row, sizeof row, "row %zu", screen_spoilt_row(&scr.file[0]));
    spoilt(&(screen_spoil){ .dose = "0.05 of it" }, &map, row, "a dose that cannot be parsed");
    spoilt(&(screen_spoil){ .dose = "[('Somebody', 0.05, 'uM')]" }, &map, "Somebody",
           "a label of another drug");
    map.vehicle = "DMSO";
    spoilt(NULL, &map, "--vehicle", "a vehicle that no cell has, though two labels contain it");
    map.vehicle = "DMSO_TF";
    map.qc_value = "best";
    spoilt(NULL, &map, "no cell is left", "a quality that no cell has");
    return tap_done();
}
