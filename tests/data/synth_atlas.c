/* A screen in the design of the atlas: lists of plates, small tables whose every cell is known,
 * refusals with file and line, and the published tables of Tahoe-100M. */
#include "data/synth_atlas.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "base/mem.h"
#include "data/synth_write.h"
#include "io/tsv.h"
#include "tap.h"

static char table[SCP_PATH_MAX], samples[SCP_PATH_MAX], grid[SCP_PATH_MAX];

static void test_lists(void)
{
    static const char *const bad[] = { "", "0", "3-1", "a", "1,,2", "100", "1-", "-3", "1-2-3" };
    int list[SCP_SYNTH_PLATES];
    size_t n = 0;
    tap_st(scp_synth_plate_list("14, 1-3,2", list, &n), "a list");
    tap_ok(n == 4 && list[0] == 1 && list[1] == 2 && list[2] == 3 && list[3] == 14,
           "is sorted, each once");
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        tap_fails(scp_synth_plate_list(bad[i], list, &n), SCP_EUSAGE, "no list of plates", "\"%s\"",
                  bad[i]);
}

/* ---- small tables ---- */

static const char sample_text[] =
    "sample\tplate\tmean_tscp_count\tdrug\tdrugname_drugconc\n"
    "smp_1594\tplate2\t1146.5\tB \t[('B ', 0.5, 'uM')]\n" /* any order */
    "smp_1496\tplate1\t2293\tB \t[('B ', 0.05, 'uM')]\n"
    "smp_1495\tplate1\t2293\tA\t[('A', 0.05, 'uM')]\n"
    "smp_1497\tplate1\t2293\tA\t[('A', 0.05, 'uM')]\n"
    "smp_1498\tplate1\t2293\tC\t[('C', 5.0, 'uM')]\n"
    "smp_1499\tplate1\t2293\tDMSO_TF\t[('DMSO_TF', 0.0, 'uM')]\n"
    "smp_1500\tplate1\t2293\tDMSO_TF\t[('DMSO_TF', 0.0, 'uM')]\n"
    "smp_1590\tplate1\t2293\tD\t[('D', 0.05, 'uM')]\n"
    "smp_1591\tplate2\t2293\tDMSO_TF\t[('DMSO_TF', 0.0, 'uM')]\n";

#define GRID_HEAD "plate\tcell_line\tcell_name\tdrug\tconc\tn_cells\n"
static const char grid_text[] = GRID_HEAD "plate1\tCVCL_0023\tA549\tA\t0.05\t3001\n"
                                          "plate1\tCVCL_0218\tCOLO 205\tA\t0.05\t100\n"
                                          "plate1\tCVCL_0023\tA549\tB \t0.05\t2000\n"
                                          "plate1\tCVCL_0218\tCOLO 205\tB \t0.05\t7\n"
                                          "plate1\tCVCL_9999\tnot in the screen\tB \t0.05\t500\n"
                                          "plate1\tCVCL_0023\tA549\tC\t5.0\t600\n"
                                          "plate1\tCVCL_0023\tA549\tD\t0.05\t5000\n"
                                          "plate1\tCVCL_0023\tA549\tDMSO_TF\t0.0\t4000\n"
                                          "plate1\tCVCL_0218\tCOLO 205\tDMSO_TF\t0.0\t0\n"
                                          "plate2\tCVCL_0218\tCOLO 205\tB \t0.5\t30000\n"
                                          "plate2\tCVCL_0023\tA549\tDMSO_TF\t0.0\t90\n"
                                          "plate9\tCVCL_0023\tA549\tA\t0.05\t12\n";

static scp_synth_config small_settings(void)
{
    scp_synth_config c;
    scp_synth_config_init(&c);
    c.table = table;
    c.samples = samples;
    c.grid = grid;
    c.plate_list = "1,2";
    c.lines = 2;
    c.genes = 40;
    c.axes = 1;
    c.fraction = 0.1;
    c.cells_min = 20;
    return c;
}

static bool write_file(const char *path, const char *text)
{
    return tap_st(scp_fs_write_text(path, text, strlen(text)), "write %s", strrchr(path, '/') + 1);
}

static const scp_synth_well *well(const scp_synth_design *d, size_t plate, size_t w)
{
    return &d->plate[plate].well[w];
}

static void test_small(void)
{
    scp_synth_config c = small_settings();
    scp_synth_design *d = NULL;
    if (!tap_st(scp_synth_design_create(&c, &d), "a plan from small tables")) return;
    tap_ok(d->D == 4 && strcmp(d->drug[0].name, "A") == 0 && strcmp(d->drug[1].name, "B") == 0 &&
               strcmp(d->drug[2].name, "C") == 0 && strcmp(d->drug[3].name, "D") == 0,
           "drugs in the order of the wells");
    tap_text(d->drug[1].label, "B ", "a label with its blank");
    tap_text(d->drug[3].smiles, "", "a drug that the drug table does not have");
    tap_ok(d->n_plates == 2 && well(d, 0, 0)->drug == 0 && well(d, 0, 2)->drug == 0 &&
               well(d, 0, 3)->drug == 2 && well(d, 0, 3)->dose == 2 && well(d, 1, 3)->drug == 1 &&
               well(d, 1, 3)->dose == 1 && well(d, 0, 95)->drug == 3,
           "wells by sample number");
    tap_ok(well(d, 0, 4)->drug == SCP_SYNTH_VEHICLE && well(d, 0, 5)->drug == SCP_SYNTH_VEHICLE &&
               well(d, 1, 0)->drug == SCP_SYNTH_VEHICLE && well(d, 0, 6)->drug == SCP_SYNTH_EMPTY,
           "vehicle, and wells that hold nothing");
    tap_ok(well(d, 0, 0)->cells[0] == 150 && well(d, 0, 2)->cells[0] == 150,
           "the cells of a key in two wells: half each");
    tap_ok(well(d, 0, 0)->cells[1] == 10 && well(d, 0, 2)->cells[1] == 10,
           "a tenth would be too few: 20");
    tap_ok(well(d, 0, 1)->cells[0] == 200 && well(d, 0, 1)->cells[1] == 7,
           "no more than there really are");
    tap_ok(well(d, 0, 4)->cells[0] == 200 && well(d, 0, 5)->cells[0] == 200 &&
               well(d, 0, 4)->cells[1] == 0,
           "vehicle, and a line without cells");
    tap_ok(well(d, 0, 3)->failed && !well(d, 0, 1)->failed && !well(d, 0, 0)->failed &&
               well(d, 1, 0)->failed,
           "wells below 1,000 real cells of all lines have failed");
    tap_near(well(d, 1, 3)->depth, 0.5, 1e-12, "depth of a well as it is in the table");
    scp_synth_design_destroy(&d);
    c.drugs = 2;
    if (!tap_st(scp_synth_design_create(&c, &d), "two drugs")) return;
    tap_ok(d->D == 2 && well(d, 0, 3)->drug == SCP_SYNTH_EMPTY && well(d, 0, 1)->drug == 1,
           "the wells of the others are empty");
    scp_synth_design_destroy(&d);
}

static void refused(const scp_synth_config *c, scp_status want, const char *part, const char *what)
{
    scp_synth_design *d = NULL;
    tap_fails(scp_synth_design_create(c, &d), want, part, "%s", what);
    scp_synth_design_destroy(&d);
}

static void bad_grid(const char *text, const char *part, const char *what)
{
    scp_synth_config c = small_settings();
    if (write_file(grid, text)) refused(&c, SCP_EDATA, part, what);
}

static void bad_samples(const char *text, const char *part, const char *what)
{
    scp_synth_config c = small_settings();
    if (write_file(samples, text)) refused(&c, SCP_EDATA, part, what);
}

static void test_refusals(void)
{
    static const char head[] = "sample\tplate\tdrugname_drugconc\n";
    char text[1024];
    scp_synth_config c = small_settings();
    c.grid = NULL;
    refused(&c, SCP_EUSAGE, "two tables", "samples without a grid");
    c = small_settings();
    c.traps = true;
    refused(&c, SCP_EUSAGE, "invented", "traps in a real design");
    c = small_settings();
    c.plates = 3;
    refused(&c, SCP_EUSAGE, "invented", "a number of plates");
    c = small_settings();
    c.grid = c.samples = NULL;
    refused(&c, SCP_EUSAGE, "grid, samples", "a list without tables");
    c = small_settings();
    c.drugs = 5;
    refused(&c, SCP_EUSAGE, "hold 4", "more drugs than there are");
    c = small_settings();
    c.axes = 3;
    refused(&c, SCP_EDATA, "a structure for 3 of the 4 drugs", "more axes than structures");
    c = small_settings();
    c.plate_list = "1,3";
    refused(&c, SCP_EDATA, "no sample of plate3", "a plate that is not there");
    bad_grid(GRID_HEAD "plate1\tCVCL_0023\tA549\tA\t0.5\t5\n", "tsv:2: A at 0.5 uM on plate1",
             "a key without a well");
    bad_grid(GRID_HEAD "plate1\tCVCL_0023\tA549\tA\t0.05\t-5\n", "tsv:2: -5 cells",
             "a negative number");
    bad_grid(GRID_HEAD
             "plate1\tCVCL_0023\tA549\tB\t0.05\t50\nplate1\tCVCL_0023\tA549\tB\t0.05\t9\n",
             "tsv:3: B at 0.05 uM on plate1: the key is there twice", "a key twice");
    bad_grid(GRID_HEAD "plate1\tCVCL_0023\tA549\tA\t0.05\t5\n", "no cell on plate2",
             "a plate without cells");
    bad_grid("plate\tcell_line\n", "no column \"drug\"", "a column that is not there");
    write_file(grid, grid_text);
    snprintf(text, sizeof text, "%ssmp_1495\tplate2\t[('A', 0.05, 'uM')]\n", head);
    bad_samples(text, "tsv:2: smp_1495 is not on plate 2", "a sample of another plate");
    snprintf(text, sizeof text, "%swell\tplate1\t[('A', 0.05, 'uM')]\n", head);
    bad_samples(text, "tsv:2: sample \"well\"", "a sample of another name");
    snprintf(text, sizeof text, "%ssmp_1495\tplate1\t[('A', 0.2, 'uM')]\n", head);
    bad_samples(text, "tsv:2: [('A', 0.2", "a dose that the atlas does not have");
    snprintf(text, sizeof text,
             "%ssmp_1495\tplate1\t[('A', 0.05, 'uM')]\nsmp_1495\tplate1\t[('B', 0.05, 'uM')]\n",
             head);
    bad_samples(text, "smp_1495 is there twice", "a sample twice");
    snprintf(text, sizeof text, "%ssmp_1495\tplate1\t[('A', 0.05, 'uM')]\n", head);
    bad_samples(text, "no sample of plate1 with DMSO_TF", "no vehicle");
}

/* ---- there and back ---- */

/* Cells of a line in all wells of a plate that hold a drug of this name at a dose. */
static int64_t key_cells(const scp_synth_design *d, size_t plate, size_t line, const char *drug,
                         int dose)
{
    int64_t n = 0;
    for (size_t w = 0; w < SCP_SYNTH_WELLS; w++) {
        const scp_synth_well *at = well(d, plate, w);
        if (drug ? at->drug >= 0 && at->dose == dose && strcmp(d->drug[at->drug].name, drug) == 0
                 : at->drug == SCP_SYNTH_VEHICLE)
            n += at->cells[line];
    }
    return n;
}

/* The tables of an invented screen, traps and all, make the same design again. */
static void test_round_trip(void)
{
    static const char *const name[] = { "drugs.tsv", "samples.tsv", "condition_grid.tsv",
                                        "cell_lines.tsv", "genes.tsv" };
    char path[5][SCP_PATH_MAX];
    scp_synth_config c;
    scp_synth_design *d = NULL, *e = NULL;
    scp_synth_config_init(&c);
    snprintf(path[0], sizeof path[0], "%s/data-prep/drugs/drugs.tsv",
             getenv("top_srcdir") ? getenv("top_srcdir") : ".");
    c.table = path[0];
    c.genes = 400;
    c.traps = true;
    c.bridge = c.mixed = c.repeat = 1;
    if (!tap_st(scp_synth_design_create(&c, &d), "an invented screen") ||
        !tap_st(scp_synth_write_tables(d, tap_tmpdir()), "its tables"))
        return;
    for (size_t i = 0; i < 5; i++)
        snprintf(path[i], sizeof path[i], "%s/%s", tap_tmpdir(), name[i]);
    scp_synth_config_init(&c);
    c.table = path[0];
    c.samples = path[1];
    c.grid = path[2];
    c.lines_table = path[3];
    c.genes_table = path[4];
    c.plate_list = "1,2,13,14";
    c.genes = 400;
    c.drugs = (int64_t)d->D;
    c.fraction = 1;
    c.cells_min = 1;
    if (!tap_st(scp_synth_design_create(&c, &e), "a screen from them")) return;
    size_t wrong = d->D != e->D || d->C != e->C || d->G != e->G || d->n_plates != e->n_plates;
    for (size_t p = 0; !wrong && p < d->n_plates; p++)
        for (size_t w = 0; w < SCP_SYNTH_WELLS; w++) {
            const scp_synth_well *a = well(d, p, w), *b = well(e, p, w);
            const char *drug = a->drug >= 0 ? d->drug[a->drug].name : NULL;
            wrong += a->drug < 0 || b->drug < 0
                         ? a->drug != b->drug
                         : a->dose != b->dose || strcmp(drug, e->drug[b->drug].name) != 0 ||
                               strcmp(d->drug[a->drug].label, e->drug[b->drug].label) != 0 ||
                               strcmp(d->drug[a->drug].smiles, e->drug[b->drug].smiles) != 0;
            for (size_t l = 0; a->drug != SCP_SYNTH_EMPTY && l < d->C; l++)
                wrong += key_cells(d, p, l, drug, a->dose) != key_cells(e, p, l, drug, a->dose);
        }
    tap_ok(wrong == 0, "has its wells, labels, structures and cells");
    size_t names = 0;
    for (size_t g = 0; g < d->G; g++) names += strcmp(d->gene[g], e->gene[g]) != 0;
    for (size_t l = 0; l < d->C; l++) names += strcmp(d->line[l].id, e->line[l].id) != 0;
    tap_ok(names == 0, "its genes and its lines");
    scp_synth_design_destroy(&d);
    scp_synth_design_destroy(&e);
}

/* ---- the published tables ---- */

static char *real(const char *name)
{
    const char *path = tap_data(name);
    char *copy = NULL;
    if (path && scp_strdup(path, &copy) != SCP_OK) exit(1);
    return copy;
}

static void check_real(const scp_synth_design *d)
{
    int64_t cells = 0, keys = 0;
    size_t vehicle = 0, used = 0, failed = 0, bridge = 0, drug = 0, blanks = 0, bare = 0;
    while (drug < d->D && strcmp(d->drug[drug].name, "Adagrasib") != 0) drug++;
    for (size_t p = 0; p < d->n_plates; p++) {
        bool bridged = false;
        cells += scp_synth_plate_cells(d, p);
        for (size_t w = 0; w < SCP_SYNTH_WELLS; w++) {
            const scp_synth_well *at = &d->plate[p].well[w];
            bool again = false; /* a second well of its keys */
            for (size_t v = 0; v < w; v++)
                again |= d->plate[p].well[v].drug == at->drug &&
                         (at->drug < 0 || d->plate[p].well[v].dose == at->dose);
            used += at->drug != SCP_SYNTH_EMPTY;
            vehicle += at->drug == SCP_SYNTH_VEHICLE;
            failed += at->failed;
            bridged |= at->drug == (int)drug && at->dose == 0;
            for (size_t c = 0; !again && c < d->C; c++) keys += at->cells[c] > 0;
        }
        bridge += bridged;
    }
    for (size_t i = 0; i < d->D; i++) {
        blanks += strcmp(d->drug[i].name, d->drug[i].label) != 0;
        bare += *d->drug[i].smiles == '\0';
    }
    tap_ok(cells == 100648790, "100,648,790 cells");
    tap_ok(keys == 65943, "65,943 keys");
    tap_ok(used == 1344 && vehicle == 28, "1,344 wells, 28 of them vehicle");
    tap_ok(d->D == 379 && blanks == 2 && bare == 2,
           "379 drugs, two with a blank behind their label, two without a structure");
    tap_ok(failed == 12, "a dozen wells have failed");
    tap_ok(bridge == 14, "Adagrasib at 0.05 uM is on every plate");
    tap_ok(d->plate[12].well[22].drug == SCP_SYNTH_VEHICLE &&
               d->plate[12].well[23].drug == SCP_SYNTH_VEHICLE,
           "vehicle of plate 13 in wells 23 and 24");
    size_t repeats = 0;
    for (size_t w = 0; w < SCP_SYNTH_WELLS; w++)
        repeats += d->plate[13].well[w].drug == d->plate[5].well[w].drug &&
                   d->plate[13].well[w].dose == d->plate[5].well[w].dose;
    tap_ok(repeats == SCP_SYNTH_WELLS, "plate 14 is plate 6 again, well by well");
}

static void check_genes(const scp_synth_design *d, const char *path)
{
    scp_tsv *t = NULL;
    size_t wrong = 0, mito = 0, silent = 0;
    double head = 0.0, named = 0.0;
    if (!tap_st(scp_tsv_read(path, &t), "read the gene table")) return;
    for (size_t g = 0; g < d->G; g++) {
        const char *symbol = scp_tsv_text(t, g, 0);
        bool is_mito = strncmp(symbol, "MT-", 3) == 0 && symbol[3] != 'T' && symbol[3] != 'R';
        wrong += strcmp(symbol, d->gene[g]) != 0;
        mito += d->gene_flags[g] & SCP_SYNTH_MITO && is_mito;
        silent += !isfinite(d->base[g]);
        if (is_mito || strncmp(symbol, "RPL", 3) == 0) head += exp(d->base[g]);
        if (strncmp(symbol, "ENSG", 4) != 0) named += exp(d->base[g]);
    }
    scp_tsv_destroy(&t);
    tap_ok(d->G == 62710 && wrong == 0, "62,710 genes by their names in the order of the table");
    tap_ok(mito == 13, "the 13 mitochondrial ones of the code are marked");
    tap_ok(silent == 62710 - SCP_SYNTH_EXPRESSED, "24,000 are expressed");
    tap_ok(head > 0.055 && head < 0.12, "mitochondrial and ribosomal genes are in the head (%.3f)",
           head);
    tap_near(named, 1.0, 1e-9, "what has only a number for a name is silent");
}

/* Plate 10 at all its genes, four lines of it: the atlas published statistics of this plate. */
static void test_plate10(scp_synth_config *c)
{
    scp_comm *self = NULL;
    scp_synth_report r = { 0 };
    char out[SCP_PATH_MAX];
    size_t compared = 0;
    snprintf(out, sizeof out, "%s/plate10", tap_tmpdir());
    c->out = out;
    c->profile = SCP_SYNTH_REALISTIC;
    c->preset = SCP_SYNTH_PLATE;
    c->plate_list = "10";
    c->lines = 4;
    c->drugs = 94;
    c->genes = SCP_SYNTH_ATLAS_GENES;
    c->fraction = 0.007;
    c->deflate = 1;
    if (tap_st(scp_comm_create_self(&self), "a communicator") &&
        tap_st(scp_synth_run(self, c, &r), "plate 10 of the atlas"))
        for (size_t i = 0; i < r.n; i++) {
            const scp_synth_stat *s = &r.stat[i];
            if (isnan(s->target)) continue;
            compared++;
            tap_ok(fabs(s->achieved / s->target - 1.0) <= 0.15, "%s: %g, target %g (%s)", s->name,
                   s->achieved, s->target, s->source);
        }
    tap_ok(compared >= 16, "%zu statistics compared", compared);
    scp_comm_destroy(&self);
}

static void test_real(void)
{
    char *path[] = { real("tahoe/samples.tsv"), real("tahoe/condition_grid.tsv.gz"),
                     real("tahoe/cell_lines_50.tsv"), real("tahoe/genes.tsv.gz"),
                     real("tahoe/drugs.tsv") };
    scp_synth_config c;
    scp_synth_design *d = NULL;
    scp_synth_config_init(&c);
    c.samples = path[0];
    c.grid = path[1];
    c.lines_table = path[2];
    c.table = path[4];
    c.plate_list = "1-14";
    c.preset = SCP_SYNTH_TINY;
    c.lines = 50;
    c.drugs = 379;
    c.fraction = 1;
    if (!path[0] || !path[1] || !path[2] || !path[3] || !path[4]) {
        tap_skip("no ../shared/data", "the published tables");
    } else {
        if (tap_st(scp_synth_design_create(&c, &d), "the plan of the whole atlas")) check_real(d);
        scp_synth_design_destroy(&d);
        c.plate_list = "1";
        c.drugs = 10;
        c.genes = SCP_SYNTH_ATLAS_GENES;
        c.lines = 1;
        c.genes_table = path[3];
        if (tap_st(scp_synth_design_create(&c, &d), "and of its genes")) check_genes(d, path[3]);
        scp_synth_design_destroy(&d);
        test_plate10(&c);
    }
    for (size_t i = 0; i < sizeof path / sizeof *path; i++) free(path[i]);
}

int main(void)
{
    static const char drugs[] = "drug\tsmiles\nA\tCCO\nB\tc1ccccc1O\nC\tCCCCN\n";
    snprintf(table, sizeof table, "%s/drugs.tsv", tap_tmpdir());
    snprintf(samples, sizeof samples, "%s/samples.tsv", tap_tmpdir());
    snprintf(grid, sizeof grid, "%s/grid.tsv", tap_tmpdir());
    test_lists();
    if (write_file(table, drugs) && write_file(samples, sample_text) &&
        write_file(grid, grid_text)) {
        test_small();
        test_refusals();
    }
    test_round_trip();
    test_real();
    return tap_done();
}
