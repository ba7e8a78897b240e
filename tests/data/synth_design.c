/* The plan of a synthetic screen: settings, structure axes, effects by their formula, plates. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "base/mem.h"
#include "base/str.h"
#include "data/synth_design.h"
#include "data/synth_write.h"
#include "tap.h"

static char table[SCP_PATH_MAX];

static scp_synth_config settings(void)
{
    scp_synth_config c;
    scp_synth_config_init(&c);
    c.table = table;
    return c;
}

static scp_synth_design *plan(const scp_synth_config *c)
{
    scp_synth_design *d = NULL;
    if (!tap_st(scp_synth_design_create(c, &d), "a plan")) exit(1);
    return d;
}

static void test_settings(void)
{
    scp_synth_config c = settings();
    c.preset = SCP_SYNTH_SMALL;
    c.drugs = 70;
    c.common = 0.25;
    tap_st(scp_synth_config_resolve(&c, 123), "resolve");
    tap_ok(c.lines == 12 && c.genes == 2000 && c.cells == 60 && c.axes == 4,
           "preset and profile fill in");
    tap_ok(c.drugs == 70 && c.common == 0.25, "what is set wins");
    c = settings();
    c.preset = SCP_SYNTH_MEDIUM;
    tap_st(scp_synth_config_resolve(&c, 123), "a table smaller than the preset wants");
    tap_ok(c.drugs == 123, "gives all its drugs");
    c = settings();
    c.drugs = 124;
    tap_fails(scp_synth_config_resolve(&c, 123), SCP_EUSAGE, "123",
              "more drugs than the table has");
    c = settings();
    c.preset = SCP_SYNTH_DEMO;
    c.drugs = 95;
    tap_fails(scp_synth_config_resolve(&c, 123), SCP_EUSAGE, "94", "more drugs than wells");
    c = settings();
    c.drugs = 4;
    tap_fails(scp_synth_config_resolve(&c, 123), SCP_EUSAGE, "axes", "as many axes as drugs");
    c = settings();
    c.structure = 1.5;
    tap_fails(scp_synth_config_resolve(&c, 123), SCP_EUSAGE, "structure is 1.5",
              "a share above one");
    c = settings();
    c.preset = 9;
    tap_fails(scp_synth_config_resolve(&c, 123), SCP_EUSAGE, "preset", "an unknown preset");
    c = settings();
    c.table = "/nonexistent/drugs.tsv";
    scp_synth_design *d = NULL;
    tap_fails(scp_synth_design_create(&c, &d), SCP_ENOINPUT, "drugs.tsv", "a missing table");
    tap_ok(d == NULL, "and no plan");
}

/* Rows (a, b) of {0,1}^2: three columns hold a, one holds b, one is constant. So the first axis is
 * a, the second b, both with values +1 and -1. */
static void test_axes(void)
{
    uint8_t bits[4 * 5];
    double z[8];
    for (int r = 0; r < 4; r++) {
        uint8_t a = r >> 1, b = r & 1, row[5] = { a, a, a, b, 1 };
        memcpy(bits + 5 * r, row, 5);
    }
    tap_st(scp_synth_principal_axes(bits, 4, 5, 2, 1, z), "axes of four rows");
    double worst = 0.0;
    for (int r = 0; r < 4; r++)
        for (int k = 0; k < 2; k++) {
            int factor = k ? r & 1 : r >> 1;
            worst = fmax(worst, fabs(z[2 * r + k] - (factor ? -1.0 : 1.0)));
        }
    tap_near(worst, 0.0, 1e-9, "are the factors, as +1 for row 0 and -1");
}

static void test_axes_of_table(const scp_synth_design *d)
{
    size_t q = (size_t)d->cfg.axes;
    double worst = 0.0;
    for (size_t a = 0; a < q; a++)
        for (size_t b = 0; b <= a; b++) {
            double dot = 0.0, mean = 0.0;
            for (size_t i = 0; i < d->D; i++) {
                dot += d->drug[i].z[a] * d->drug[i].z[b] / (double)d->D;
                mean += d->drug[i].z[a] / (double)d->D;
            }
            worst = fmax(worst, fmax(fabs(dot - (a == b)), fabs(mean)));
        }
    tap_near(worst, 0.0, 1e-6, "axes of the table: mean 0, variance 1, no correlation");
}

static void test_effects(const scp_synth_design *d)
{
    size_t line = 3, drug = 5, q = (size_t)d->cfg.axes;
    const scp_synth_drug *r = &d->drug[drug];
    float *lfc = malloc(d->G * sizeof *lfc);
    double worst = 0.0, match = 0.0, centre = r->log_ec50 + d->pair[line * d->D + drug].shift;
    for (int k = 0; k < SCP_SYNTH_K; k++)
        match += r->sensitivity[k] * d->h[line * SCP_SYNTH_K + (size_t)k];
    for (int x = 0; x < 3; x++) {
        double g = 1.0 / (1.0 + exp(-r->slope * (log10(scp_synth_dose[x]) - centre)));
        double m = 0.9 * r->strength * exp(0.5 * match / 4.0) * g;
        m /= sqrt(1.0 + m * m / 9.0);
        scp_synth_lfc(d, line, drug, x, lfc);
        for (size_t gene = 0; gene < d->G; gene++) {
            double want = 0.0;
            for (size_t p = 0; p < SCP_SYNTH_P; p++)
                want += m * (r->e[p] + d->pair[line * d->D + drug].own[p]) * d->V[p * d->G + gene];
            worst = fmax(worst, fabs(want - lfc[gene]));
        }
    }
    tap_near(worst, 0.0, 1e-5, "log fold changes are the formula's");
    size_t rising = 0, bounded = 0, pairs = d->C * d->D;
    for (size_t c = 0; c < d->C; c++)
        for (size_t i = 0; i < d->D; i++) {
            double m[3];
            for (int x = 0; x < 3; x++) m[x] = scp_synth_magnitude(d, c, i, x);
            rising += m[0] < m[1] && m[1] < m[2];
            bounded += m[0] > 0.0 && m[2] < 3.0;
        }
    tap_ok(rising == pairs && bounded == pairs,
           "magnitude rises strictly with the dose, below its ceiling");
    worst = 0.0;
    for (size_t c = 0; c < d->C; c++) {
        double sum = 0.0;
        for (size_t g = 0; g < d->G; g++) sum += exp((double)d->line_log[c * d->G + g]);
        worst = fmax(worst, fabs(sum / d->captured - 1.0));
    }
    tap_near(worst, 0.0, 1e-5, "every line's profile holds the panel's share of the counts");
    tap_ok(q == 4, "four axes");
    free(lfc);
}

/* One structure under two names, among others: what follows from structure is equal, the rest is
 * not. */
static void test_structure_share(void)
{
    static const char text[] =
        "drug\tsmiles\nA\tCCO\nB\tCCO\nC\tc1ccccc1\nD\tCCCCN\nE\tOC(=O)c1ccccc1\nF\tCCCl\n";
    char path[SCP_PATH_MAX];
    snprintf(path, sizeof path, "%s/twins.tsv", tap_tmpdir());
    if (!tap_st(scp_fs_write_text(path, text, strlen(text)), "a table with twins")) return;
    double same[2], gap[2];
    for (int share = 0; share < 2; share++) {
        scp_synth_config c = settings();
        c.table = path;
        c.drugs = 6;
        c.axes = 3;
        c.structure = share;
        scp_synth_design *d = plan(&c);
        same[share] = gap[share] = 0.0;
        for (int p = 0; p < SCP_SYNTH_P; p++) {
            same[share] = fmax(same[share], fabs(d->drug[0].e[p] - d->drug[1].e[p]));
            gap[share] = fmax(gap[share], fabs(d->drug[0].e[p] - d->drug[2].e[p]));
        }
        scp_synth_design_destroy(&d);
    }
    tap_ok(same[1] < 1e-6 && gap[1] > 0.1, "share 1: twins act alike, others do not");
    tap_ok(same[0] > 0.1, "share 0: structure says nothing");
}

static void test_nothing(void)
{
    scp_synth_config c = settings();
    c.amplitude = 0;
    scp_synth_design *d = plan(&c);
    float *lfc = malloc(d->G * sizeof *lfc), most = 0.0f;
    scp_synth_lfc(d, 0, 0, 2, lfc);
    for (size_t g = 0; g < d->G; g++) most = fmaxf(most, fabsf(lfc[g]));
    tap_ok(most == 0.0f, "amplitude 0: no effect");
    free(lfc);
    scp_synth_design_destroy(&d);
}

static void test_plates(void)
{
    scp_synth_config c = settings();
    c.plates = 6;
    c.repeat = 1;
    c.drugs = 41;
    c.genes = 40;
    scp_synth_design *d = plan(&c);
    int seen[41] = { 0 }, same = 1, vehicle = 1, doses = 1;
    for (size_t p = 0; p < d->n_plates; p++) {
        const scp_synth_plate *plate = &d->plate[p], *first = &d->plate[p == 6 ? 3 : p / 3 * 3];
        for (int w = 0; w < SCP_SYNTH_WELLS; w++) {
            same &= plate->well[w].drug == first->well[w].drug;
            doses &= plate->well[w].drug < 0 || plate->well[w].dose == (p == 6 ? 2 : (int)(p % 3));
            vehicle &= (plate->well[w].drug == -1) == (w >= 94);
            if (plate->well[w].drug >= 0) seen[plate->well[w].drug]++;
        }
    }
    int once = 1, total = 0;
    for (int i = 0; i < 41; i++) {
        once &= seen[i] == 3 || seen[i] == 4;
        total += seen[i];
    }
    tap_ok(d->n_plates == 7 && d->plate[6].number == 14, "six plates, and a repeat as plate 14");
    tap_ok(doses, "one dose a plate, three a set, the repeat at the top");
    tap_ok(same, "a set has its drugs in the same wells at every dose");
    tap_ok(vehicle, "vehicle in the last two wells, nowhere else");
    tap_ok(once && total == 41 * 3 + 20, "every drug in one set, that of the repeat 20 drugs");
    scp_synth_design_destroy(&d);
}

/* Wells of a plate that hold a drug at a dose. */
static int count_wells(const scp_synth_plate *plate, int drug, int dose)
{
    int n = 0;
    for (int w = 0; w < SCP_SYNTH_WELLS; w++)
        n += plate->well[w].drug == drug && (drug < 0 || plate->well[w].dose == dose);
    return n;
}

static void test_bridge_and_mixed(void)
{
    scp_synth_config c = settings();
    c.plates = 6;
    c.repeat = c.mixed = c.bridge = 1;
    c.drugs = 90;
    c.genes = 40;
    scp_synth_design *d = plan(&c);
    int bridged = 0, own = 0, by_dose[3] = { 0 }, seen[90] = { 0 }, drugs = 0;
    for (size_t p = 0; p < d->n_plates; p++) {
        bridged += count_wells(&d->plate[p], 0, 0) >= 1;
        own += count_wells(&d->plate[p], 0, 0) == 2;
    }
    const scp_synth_plate *mixed = &d->plate[6];
    for (int w = 0; w < SCP_SYNTH_WELLS; w++) {
        if (mixed->well[w].drug < 0) continue;
        by_dose[mixed->well[w].dose]++;
        seen[mixed->well[w].drug]++;
    }
    for (int i = 0; i < 90; i++) drugs += seen[i] > 0;
    tap_ok(d->n_plates == 8 && mixed->number == 13 && d->plate[7].number == 14,
           "six plates, a mixed one as 13, a repeat as 14");
    tap_ok(bridged == 8 && own >= 1, "the bridge is on every plate, twice where its set has it");
    tap_ok(mixed->well[22].drug == SCP_SYNTH_VEHICLE && mixed->well[23].drug == SCP_SYNTH_VEHICLE &&
               count_wells(mixed, SCP_SYNTH_VEHICLE, 0) == 2,
           "vehicle of the mixed plate in wells 23 and 24");
    tap_ok(by_dose[0] >= 39 && by_dose[0] <= 40 && by_dose[1] == 30 && by_dose[2] >= 24 &&
               drugs >= 43 && drugs <= 44,
           "39, 30 and 25 wells of its 43 drugs, one of them for the bridge");
    scp_synth_design_destroy(&d);
}

static int drug_index(const scp_synth_design *d, const char *name)
{
    for (size_t i = 0; i < d->D; i++)
        if (strcmp(d->drug[i].name, name) == 0) return (int)i;
    return -3;
}

static void test_traps(void)
{
    scp_synth_config c = settings();
    c.plates = 3;
    c.drugs = 20; /* the 17th of the table is Trametinib */
    c.traps = true;
    scp_synth_design *d = plan(&c);
    int twin = drug_index(d, "Trametinib"), solvate = drug_index(d, "Trametinib (DMSO_TF solvate)"),
        bare = drug_index(d, "Sacubitril/Valsartan"), blank = drug_index(d, "Erdafitinib"),
        stray = drug_index(d, "Selinexor"), failed = drug_index(d, "\u03b3-Oryzanol");
    size_t named = 0;
    tap_ok(d->D == 20 + scp_synth_trap_count, "the traps come on top of the drugs");
    for (size_t i = 0; i < d->D; i++) named += strcmp(d->drug[i].name, "Trametinib") == 0;
    tap_ok(named == 1, "a name of the table is not there twice");
    double gap = 0.0, none = 0.0;
    for (int k = 0; k < c.axes || k < 4; k++) {
        gap = fmax(gap, fabs(d->drug[twin].z[k] - d->drug[solvate].z[k]));
        none = fmax(none, fabs(d->drug[bare].z[k]));
    }
    tap_ok(gap < 1e-6 && none == 0.0, "twins share a place among structures, one drug has none");
    tap_text(d->drug[blank].label, "Erdafitinib ", "a blank behind a label");
    tap_text(d->drug[blank].name, "Erdafitinib", "but not in the table");
    tap_ok(count_wells(&d->plate[0], twin, 0) == 2 && count_wells(&d->plate[1], twin, 1) == 1,
           "one key in two wells");
    tap_ok(count_wells(&d->plate[0], stray, 0) == 1 && count_wells(&d->plate[0], stray, 1) == 1 &&
               count_wells(&d->plate[1], stray, 1) == 1,
           "one stray dose");
    int bad = 0, wells = 0;
    for (size_t p = 0; p < d->n_plates; p++)
        for (int w = 0; w < SCP_SYNTH_WELLS; w++) {
            const scp_synth_well *well = &d->plate[p].well[w];
            wells += well->failed;
            bad += well->failed && well->drug == failed && p == 0 && well->cells[0] > 0;
        }
    tap_ok(bad == 1 && wells == 1, "one failed well");
    scp_synth_design_destroy(&d);
}

static void test_labels(void)
{
    static const char *const names[] = { "Aspirin", "5'-Deoxy (x)", "a \"b\" 'c' \\" };
    static const char *const want[] = { "[('Aspirin', 0.05, 'uM')]",
                                        "[(\"5'-Deoxy (x)\", 0.05, 'uM')]",
                                        "[('a \"b\" \\'c\\' \\\\', 0.05, 'uM')]" };
    for (int i = 0; i < 3; i++) {
        scp_strbuf s = { 0 };
        tap_st(scp_synth_dose_label(names[i], "0.05", &s), "label of %s", names[i]);
        tap_text(s.text, want[i], "is Python's");
        scp_strbuf_fini(&s);
    }
}

int main(void)
{
    const char *top = getenv("top_srcdir");
    snprintf(table, sizeof table, "%s/data-prep/drugs/drugs.tsv", top ? top : ".");
    test_settings();
    test_axes();
    scp_synth_config c = settings();
    c.drugs = 30;
    scp_synth_design *d = plan(&c);
    test_axes_of_table(d);
    test_effects(d);
    scp_synth_design_destroy(&d);
    test_structure_share();
    test_nothing();
    test_plates();
    test_bridge_and_mixed();
    test_traps();
    test_labels();
    return tap_done();
}
