/* The traps in the labels of Tahoe-100M, one test each: on an invented screen, from files to a
 * shard, and on the real labels where they are here. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "base/log.h"
#include "base/str.h"
#include "comm/world.h"
#include "data/grid_keys.h"
#include "data/prep_plan.h"
#include "data/screen.h"
#include "io/shard.h"
#include "tap.h"

enum { FILES = 3, LEAST = 5, SEEDS = 20 };

static scp_comm *world;
static screen_file file[FILES];
static char path[FILES][SCP_PATH_MAX + 32], table[SCP_PATH_MAX + 32], out[SCP_PATH_MAX + 32];
static int next_id;

/* Drugs of the invented screen. Doxorubicin and epirubicin are isomers; hexadecane and heptadecane
 * have other parents but the same fingerprint bits. */
static const char drug_table[] =
    "drug\tcanonical_smiles\tmoa-fine\n"
    "Trametinib\tCC(=O)Nc1ccccc1\tMEK\n"
    "Trametinib (DMSO_TF solvate)\tCC(=O)Nc1ccccc1.CS(C)=O\tMEK\n"
    "Erdafitinib\tCC(C)NCCN(c1cc(OC)cc(OC)c1)c1ccc2ncc(-c3cnn(C)c3)nc2c1\tFGFR\n"
    "Selinexor\tOC(=O)c1ccccc1O\tXPO1\n"
    "Verteporfin\t\tunclear\n"
    "L-thyroxine\tNC(Cc1ccc(O)cc1)C(=O)O\tunclear\n"
    "Doxorubicin\tC[C@@H](O)[C@H](N)CC\tunclear\n"
    "Epirubicin\tC[C@H](O)[C@H](N)CC\tunclear\n"
    "Hexadecane\tCCCCCCCCCCCCCCCC\tunclear\n"
    "Heptadecane\tCCCCCCCCCCCCCCCCC\tunclear\n"
    "Adagrasib\tCN1CCCC1COc1ncccn1\tKRAS\n"
    "\xce\xb3-Oryzanol\tCOc1cc(C=CC(=O)OC)ccc1O\tunclear\n"
    "18\xce\xb2-Glycyrrhetinic acid\tCC1(C)CCC(C)CC1\tunclear\n"
    "5'-Deoxy, (x/y)\tOCC1OC(O)C(O)C1O\tunclear\n";

static const char *const plain_drugs[] = { "Trametinib",
                                           "Trametinib (DMSO_TF solvate)",
                                           "Verteporfin",
                                           "Doxorubicin",
                                           "Epirubicin",
                                           "Hexadecane",
                                           "Heptadecane",
                                           "\xce\xb3-Oryzanol",
                                           "18\xce\xb2-Glycyrrhetinic acid",
                                           "5'-Deoxy, (x/y)" };
static const char *const lines[] = { "CVCL_0023", "CVCL_0504" }; /* beside the thin one */
static const char *const thin = "CVCL_1571";

/* ---- the invented screen ---- */

/* n cells of a key; `dose` is what stands in the tuple. */
static void add(int f, const char *line, const char *drug, const char *dose, const char *plate,
                const char *pass, int n)
{
    static char label[4096][96];
    static int used;
    char quote = strchr(drug, '\'') ? '"' : '\'';
    if (used == 4096 || file[f].n + (size_t)n > SCREEN_MAX_CELLS) abort();
    char *text = label[used++];
    snprintf(text, sizeof label[0], "[(%c%s%c, %s, 'uM')]", quote, drug, quote, dose);
    for (int i = 0; i < n; i++)
        file[f].cell[file[f].n++] = (screen_cell){
            .line = line, .drug = drug, .dose = text, .plate = plate, .pass = pass, .id = next_id++
        };
}

static void add_plate(int f, const char *plate, const char *dose)
{
    for (size_t l = 0; l < 2; l++) {
        const char *line = lines[l];
        add(f, line, "DMSO_TF", "0.0", plate, "full", 7); /* two wells of vehicle */
        for (size_t d = 0; d < sizeof plain_drugs / sizeof plain_drugs[0]; d++)
            add(f, line, plain_drugs[d], dose, plate, "full", 6);
        add(f, line, "Erdafitinib ", dose, plate, "full", 4); /* and, in another well, ... */
        add(f, line, "Erdafitinib", dose, plate, "full", 3);
        add(f, line, "Selinexor ", dose, plate, "full", 6);
        add(f, line, "L-thyroxine", dose, plate, "full", f == 2 ? 1 : 6); /* failed on plate14 */
        add(f, line, "Trametinib", dose, plate, "minimal", 2);
        add(f, line, "DMSO_TF", "0.0", plate, "full", 5);
    }
    add(f, thin, "DMSO_TF", "0.0", plate, "full", f == 0 ? 6 : 2);
    add(f, thin, "Trametinib", dose, plate, "full", 6);
    add(f, thin, "Selinexor ", dose, plate, "full", 2);
    add(f, thin, "L-thyroxine", dose, plate, "full", 6);
    add(f, lines[0], "Adagrasib", "0.05", plate, "full", 6); /* the bridge: one stray dose */
}

static scp_status make_screen(void)
{
    static const char *const name[FILES] = { "plate1.h5ad", "plate6.h5ad", "plate14.h5ad" };
    add_plate(0, "plate1", "0.05");
    add_plate(1, "plate6", "5.0");
    add_plate(2, "plate14", "5.0"); /* plate 6 again */
    add(0, lines[0], "dmso_tf", "0.05", "plate1", "full", 6);
    add(0, lines[1], "Trametinib", "0.0", "plate1", "full", 2);  /* of no dose        */
    add(0, lines[1], "Trametinib", "-666", "plate1", "full", 1); /* not known         */
    add(1, lines[1], "DMSO_TF", "1.0", "plate6", "full", 1);     /* a vehicle's dose  */
    for (int f = 0; f < FILES; f++) {
        file[f].name = name[f];
        snprintf(path[f], sizeof path[f], "%s/%s", tap_tmpdir(), name[f]);
        SCP_TRY(screen_write(&file[f], path[f], NULL));
    }
    snprintf(table, sizeof table, "%s/drugs.tsv", tap_tmpdir());
    snprintf(out, sizeof out, "%s/shard.h5", tap_tmpdir());
    return scp_fs_write_text(table, drug_table, sizeof drug_table - 1);
}

static scp_prep_settings settings(void)
{
    return (scp_prep_settings){ .output = out,
                                .drugs = table,
                                .min_cells = LEAST,
                                .genes = "all",
                                .ud = 0.2,
                                .uc = 0.1,
                                .val = 0.1,
                                .seed = 1,
                                .replicates = 2,
                                .memory = 64 };
}

static const scp_text_list *inputs(void)
{
    static char *v[FILES];
    static scp_text_list list = { .v = v, .n = FILES };
    for (int f = 0; f < FILES; f++) v[f] = path[f];
    return &list;
}

/* ---- looking things up ---- */

static int64_t find_text(char *const *v, size_t n, const char *text)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(v[i], text) == 0) return (int64_t)i;
    return -1;
}

/* Profile of a key, drug "" for the vehicle; -1 when there is none. */
static int64_t profile(const scp_dataset *d, const char *line, const char *drug, double dose,
                       const char *plate)
{
    for (size_t p = 0; p < d->P; p++)
        if (strcmp(d->line[d->p_line[p]], line) == 0 &&
            strcmp(d->p_drug[p] < 0 ? "" : d->drug[d->p_drug[p]], drug) == 0 &&
            d->p_dose[p] == dose && strcmp(d->plate[d->p_plate[p]], plate) == 0)
            return (int64_t)p;
    return -1;
}

/* Pair whose treated profile this is. */
static int64_t pair_of(const scp_dataset *d, int64_t post)
{
    for (size_t i = 0; post >= 0 && i < d->N; i++)
        if (d->post[i] == post) return (int64_t)i;
    return -1;
}

static bool named(const scp_dataset *d, const char *text)
{
    return strstr(d->manifest, text) != NULL;
}

/* ---- one test for each trap ---- */

static void test_vehicle_by_equality(const scp_dataset *d)
{
    int64_t v = profile(d, lines[0], "", 0, "plate1");
    tap_ok(v >= 0 && d->p_cells[v] == 12,
           "vehicle by equality: both wells of DMSO_TF and no other cell");
    tap_ok(profile(d, lines[0], "Trametinib (DMSO_TF solvate)", 0.05, "plate1") >= 0,
           "vehicle by equality: Trametinib (DMSO_TF solvate) is a drug");
    tap_ok(named(d, "\"dmso_tf\"") && find_text(d->drug, d->n_drugs, "dmso_tf") < 0,
           "vehicle by equality: dmso_tf is another name, and has no structure");
    v = profile(d, lines[1], "", 0, "plate6");
    tap_ok(v >= 0 && d->p_cells[v] == 13 && d->p_dose[v] == 0,
           "vehicle by equality: its dose is 0 whatever the label says");
}

static void test_trailing_blanks(const scp_dataset *d)
{
    int64_t p = profile(d, lines[0], "Erdafitinib", 0.05, "plate1");
    tap_ok(p >= 0 && d->p_cells[p] == 7,
           "trailing blanks: 'Erdafitinib ' and 'Erdafitinib' are one key");
    int64_t drug = find_text(d->drug, d->n_drugs, "Selinexor");
    tap_ok(drug >= 0 && strcmp(d->smiles[drug], "OC(=O)c1ccccc1O") == 0,
           "trailing blanks: 'Selinexor ' has the structure of the table");
}

static void test_without_structure(const scp_dataset *d)
{
    scp_prep_settings s = settings();
    scp_prep_plan p;
    tap_ok(find_text(d->drug, d->n_drugs, "Verteporfin") < 0 &&
               named(d, "\"Verteporfin\": \"no structure\"") &&
               named(d, "CVCL_0023 | Verteporfin | 0.05 uM | plate1"),
           "drugs without structure: left out, drug and keys by name");
    s.strict = true;
    scp_status st = scp_prep_plan_begin(&p, &s, inputs());
    if (st == SCP_OK) st = scp_prep_plan_decide(&p);
    tap_fails(st, SCP_EDATA, "--strict", "drugs without structure: --strict stops");
    scp_prep_plan_fini(&p);
}

static void test_failed_wells(const scp_dataset *d)
{
    tap_ok(profile(d, lines[0], "L-thyroxine", 5, "plate14") < 0 &&
               named(d, "\"CVCL_0023 | L-thyroxine | 5 uM | plate14\": 1"),
           "failed wells: keys of one cell are left out, with their cells");
    tap_ok(profile(d, lines[0], "L-thyroxine", 5, "plate6") >= 0,
           "failed wells: the same condition on another plate stays");
}

/* Parents and fingerprints of two drugs, and their splits over many seeds. */
static void test_together(const char *what, const char *a, const char *b)
{
    bool together = true, same_fp = true;
    size_t held = 0;
    for (int seed = 1; seed <= SEEDS; seed++) {
        scp_prep_settings s = settings();
        scp_prep_plan p;
        s.seed = seed;
        scp_status st = scp_prep_plan_begin(&p, &s, inputs());
        if (st == SCP_OK) st = scp_prep_plan_decide(&p);
        if (!tap_st(st, "%s: plan of seed %d", what, seed)) break;
        const scp_dataset *d = &p.tables;
        int64_t ia = find_text(d->drug, d->n_drugs, a), ib = find_text(d->drug, d->n_drugs, b);
        together = together && ia >= 0 && ib >= 0 && d->parent[ia] == d->parent[ib];
        same_fp =
            same_fp && memcmp(d->fp + ia * SCP_FP_BITS, d->fp + ib * SCP_FP_BITS, SCP_FP_BITS) == 0;
        unsigned split[2] = { 0, 0 };
        for (size_t i = 0; i < d->N; i++) {
            int32_t drug = d->p_drug[d->post[i]];
            unsigned ud = d->split[i] == SCP_SPLIT_UD || d->split[i] == SCP_SPLIT_VAL_UD;
            if (drug == ia) split[0] |= 1u << (ud ? d->split[i] : 0);
            if (drug == ib) split[1] |= 1u << (ud ? d->split[i] : 0);
        }
        together = together && split[0] == split[1];
        held += split[0] != 1;
        scp_prep_plan_fini(&p);
    }
    tap_ok(together && held > 0,
           "%s: %s and %s are unseen together (%zu of %d seeds) or not at all", what, a, b, held,
           (int)SEEDS);
    if (strcmp(what, "twin fingerprints") == 0) tap_ok(same_fp, "%s: bit for bit", what);
}

static void test_stray_dose(const scp_dataset *d)
{
    int64_t p = profile(d, lines[0], "Adagrasib", 0.05, "plate6"), i = pair_of(d, p);
    tap_ok(i >= 0 && d->pre[i] == profile(d, lines[0], "", 0, "plate6"),
           "one stray dose: 0.05 uM on a plate of 5 uM has that plate's control");
    size_t doses = 0;
    for (size_t k = 0; k < d->P; k++)
        doses += strcmp(d->plate[d->p_plate[k]], "plate6") == 0 && d->p_drug[k] >= 0 &&
                 d->p_dose[k] == 0.05;
    tap_ok(doses == 1, "one stray dose: and is the only one there");
}

static void test_names(const scp_dataset *d)
{
    static const char *const name[] = { "\xce\xb3-Oryzanol", "18\xce\xb2-Glycyrrhetinic acid",
                                        "5'-Deoxy, (x/y)" };
    for (size_t i = 0; i < sizeof name / sizeof name[0]; i++)
        tap_ok(profile(d, lines[1], name[i], 5, "plate14") >= 0, "names: %s", name[i]);
}

/* Cells of one key in two wells, which are not beside each other in the file, by a plain mean. */
static void test_merged_wells(const scp_dataset *d)
{
    int64_t p = profile(d, lines[0], "Erdafitinib", 5, "plate6"), cells = 0;
    double worst = p < 0 ? 1 : 0;
    static double mean[SCREEN_GENES];
    for (size_t c = 0; c < file[1].n; c++) {
        const screen_cell *cell = &file[1].cell[c];
        double library = 0;
        if (strcmp(cell->line, lines[0]) != 0 || strncmp(cell->drug, "Erdafitinib", 11) != 0)
            continue;
        cells++;
        for (size_t g = 0; g < SCREEN_GENES; g++) library += (double)screen_count(cell->id, g);
        for (size_t g = 0; g < SCREEN_GENES; g++)
            mean[g] += log1p(1e4 * (double)screen_count(cell->id, g) / library);
    }
    for (size_t g = 0; p >= 0 && g < d->G; g++) {
        size_t at = (size_t)atoi(d->gene[g] + 4);
        worst = fmax(worst, fabs(mean[at] / (double)cells - (double)d->x[(size_t)p * d->G + g]));
    }
    tap_ok(cells == 7 && worst < 1e-6, "merged wells: one mean of %lld cells of two wells, %.1e",
           (long long)cells, worst);
}

static void test_several_plates(const scp_dataset *d)
{
    int64_t a = pair_of(d, profile(d, lines[0], "Selinexor", 5, "plate6")),
            b = pair_of(d, profile(d, lines[0], "Selinexor", 5, "plate14"));
    tap_ok(a >= 0 && b >= 0 && d->pre[a] != d->pre[b] &&
               d->p_plate[d->pre[a]] == d->p_plate[d->post[a]] &&
               d->p_plate[d->pre[b]] == d->p_plate[d->post[b]],
           "several plates: a condition on two plates is two pairs, each with its own control");
    tap_ok(a >= 0 && b >= 0 && d->split[a] == d->split[b], "several plates: in one split");
    int64_t c = pair_of(d, profile(d, lines[0], "Selinexor", 0.05, "plate1"));
    tap_ok(c >= 0 && d->split[c] == d->split[a], "several plates: and so are the other doses");
}

static void test_thin_lines(const scp_dataset *d)
{
    tap_ok(profile(d, thin, "Trametinib", 0.05, "plate1") >= 0,
           "thin lines: enough vehicle on plate1");
    tap_ok(profile(d, thin, "Trametinib", 5, "plate6") < 0 &&
               named(d, "\"CVCL_1571 | Trametinib | 5 uM | plate6\": 6") &&
               named(d, "\"CVCL_1571 | vehicle | 0 uM | plate6\": 2"),
           "thin lines: without control elsewhere, both named");
}

static void test_left_cells(const scp_dataset *d)
{
    tap_ok(named(d, "\"quality\": 12, \"unlabelled\": 0, \"no_dose\": 0, \"zero_dose\": 2, "
                    "\"negative_dose\": 1, \"combination\": 0"),
           "cells that are no treatment: counted by reason");
    int64_t p = profile(d, lines[1], "Trametinib", 0.05, "plate1");
    tap_ok(p >= 0 && d->p_cells[p] == 6, "cells that are no treatment: and in no profile");
}

static void test_invented(void)
{
    scp_prep_settings s = settings();
    scp_dataset d = { 0 };
    scp_status st = make_screen();
    if (st == SCP_OK) st = scp_prep_run(world, &s, inputs());
    if (st == SCP_OK) st = scp_shard_read(world, out, &d);
    if (!tap_st(st, "an invented screen, from files to shard")) return;
    test_vehicle_by_equality(&d);
    test_trailing_blanks(&d);
    test_without_structure(&d);
    test_failed_wells(&d);
    test_together("parent groups", "Trametinib", "Trametinib (DMSO_TF solvate)");
    test_together("parent groups", "Doxorubicin", "Epirubicin");
    test_together("twin fingerprints", "Hexadecane", "Heptadecane");
    tap_ok(named(&d, "\"parents_joined_by_fingerprint\": 1"),
           "twin fingerprints: one group joined");
    test_stray_dose(&d);
    test_names(&d);
    test_merged_wells(&d);
    test_several_plates(&d);
    test_thin_lines(&d);
    test_left_cells(&d);
    scp_dataset_fini(&d);
}

/* ---- the real labels ---- */

/* Wells of the grid that failed: at most 806 cells over 50 lines. */
static void test_real_wells(const scp_prep_plan *p)
{
    static const char *const well[][2] = {
        { "plate1", "Methylprednisolone succinate" },
        { "plate1", "Abemaciclib" },
        { "plate1", "Ralimetinib" },
        { "plate1", "DTP3" },
        { "plate2", "Encorafenib" },
        { "plate2", "Erdafitinib" },
        { "plate14", "L-Thyroxine" },
    };
    for (size_t w = 0; w < sizeof well / sizeof well[0]; w++) {
        int64_t cells = 0;
        size_t kept = 0, few = 0;
        bool right = true;
        for (size_t i = 0; i < p->keys.n; i++) {
            const scp_key *k = &p->keys.key[i];
            if (k->drug < 0 || strcmp(p->keys.plate[k->plate], well[w][0]) != 0 ||
                strncmp(p->keys.drug[k->drug], well[w][1], strlen(well[w][1])) != 0)
                continue;
            cells += p->keys.cells[i];
            bool left = p->pairing.left[i] == SCP_LEFT_FEW_CELLS;
            right = right && left == (p->keys.cells[i] < p->min_cells);
            kept += !left;
            few += left;
        }
        tap_ok(right && few > kept && cells > 0 && cells <= 806,
               "failed wells: %s on %s, %lld cells: %zu keys left out, %zu kept", well[w][1],
               well[w][0], (long long)cells, few, kept);
    }
}

static void test_real_twins(const scp_prep_plan *p)
{
    static const char *const twin[][2] = {
        { "Trametinib", "Trametinib (DMSO_TF solvate)" },
        { "crizotinib", "(S)-Crizotinib" },
        { "Doxorubicin (hydrochloride)", "Epirubicin (hydrochloride)" },
    };
    const scp_dataset *d = &p->tables;
    for (size_t t = 0; t < sizeof twin / sizeof twin[0]; t++) {
        int64_t a = find_text(d->drug, d->n_drugs, twin[t][0]),
                b = find_text(d->drug, d->n_drugs, twin[t][1]);
        tap_ok(a >= 0 && b >= 0 && d->parent[a] == d->parent[b],
               "twin fingerprints: %s and %s are one group", twin[t][0], twin[t][1]);
    }
}

static void test_real_grid(void)
{
    char grid[SCP_PATH_MAX];
    const char *found = tap_data("tahoe/condition_grid.tsv.gz");
    scp_prep_settings s = settings();
    if (!found) {
        tap_skip("the condition grid is not here", "real labels");
        return;
    }
    snprintf(grid, sizeof grid, "%s", found);
    s.drugs = (char *)tap_data("tahoe/drugs.tsv");
    scp_prep_plan p = { .set = &s, .map = scp_prep_map(&s), .min_cells = 20 };
    p.bulk.matrix = "X";
    scp_status st = grid_keys(grid, &p.map, &p.keys);
    if (st == SCP_OK) st = scp_prep_plan_keys(&p);
    if (tap_st(st, "real labels: plan")) {
        size_t solvate = 0;
        int64_t drug = find_text(p.tables.drug, p.tables.n_drugs, "Trametinib (DMSO_TF solvate)");
        for (size_t i = 0; i < p.tables.N; i++)
            solvate += p.tables.p_drug[p.tables.post[i]] == drug;
        tap_ok(drug >= 0 && solvate > 50, "vehicle by equality: %zu pairs of the solvate", solvate);
        tap_ok(find_text(p.tables.drug, p.tables.n_drugs, "Erdafitinib") >= 0 &&
                   find_text(p.tables.drug, p.tables.n_drugs, "Selinexor") >= 0,
               "trailing blanks: both drugs have pairs");
        tap_ok(find_text(p.tables.drug, p.tables.n_drugs, "\xce\xb3-Oryzanol") >= 0 &&
                   find_text(p.tables.drug, p.tables.n_drugs, "18\xce\xb2-Glycyrrhetinic acid") >=
                       0,
               "names: those that are not ASCII too");
        tap_ok(p.tables.n_lines == 50, "thin lines: all 50 lines are left");
        test_real_wells(&p);
        test_real_twins(&p);
    }
    scp_prep_plan_fini(&p);
}

int main(int argc, char **argv)
{
    if (scp_world_begin(&argc, &argv, &world) != SCP_OK) return 1;
    scp_log_set_level(SCP_LOG_ERROR);
    test_invented();
    test_real_grid();
    int code = tap_done();
    return scp_world_end(&world) == SCP_OK ? code : 1;
}
