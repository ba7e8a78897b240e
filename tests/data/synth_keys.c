/* Key means without cells: mean and variance of a cell's values against cells that are drawn, the
 * files against the plan, the same bytes from any number of ranks. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "base/mem.h"
#include "comm/world.h"
#include "data/synth_keys.h"
#include "data/synth_moments.h"
#include "data/synth_cells.h"
#include "io/h5ad.h"
#include "tap.h"

static char table[SCP_PATH_MAX];

static scp_synth_config settings(void)
{
    scp_synth_config c;
    scp_synth_config_init(&c);
    c.table = table;
    return c;
}

/* Sums over drawn cells of the values of genes and of their squares. */
static void draw_cells(scp_synth_sampler *s, size_t G, int32_t n, double *sum, double *square)
{
    scp_h5ad_rows rows = { 0 };
    scp_synth_cell cell;
    for (size_t g = 0; g < G; g++) sum[g] = square[g] = 0.0;
    for (int32_t i = 0; i < n; i++) {
        rows.n_rows = 0;
        if (scp_synth_sampler_cell(s, 1, i, &rows, &cell) != SCP_OK) exit(1);
        for (int64_t k = 0; k < rows.indptr[1]; k++) {
            double v = log1p(1e4 * (double)rows.value[k] / (double)cell.counts);
            sum[rows.column[k]] += v;
            square[rows.column[k]] += v * v;
        }
    }
    scp_h5ad_rows_fini(&rows);
}

/* The table against N cells of one key: means gene by gene, pooled variance. The state of a cell is
 * what the table leaves out, so it is off. */
static void test_moments(const char *what, double dispersion, double library_sd, int64_t genes)
{
    enum { N = 4000 };
    scp_synth_config c = settings();
    scp_synth_design *d = NULL;
    scp_synth_sampler *s = NULL;
    scp_synth_moments *m = NULL;
    c.genes = genes;
    c.dispersion = dispersion;
    c.library_sd = library_sd;
    c.state = 0;
    if (!tap_st(scp_synth_design_create(&c, &d), "a plan: %s", what) ||
        !tap_st(scp_synth_sampler_create(d, &s), "a sampler") ||
        !tap_st(scp_synth_moments_create(d, &m), "a table of moments"))
        exit(1);
    size_t G = d->G, w = 0;
    double *sum = malloc(2 * G * sizeof *sum), *square = sum + G, chi = 0.0, worst = 0.0;
    float *mean = malloc(2 * G * sizeof *mean), *var = mean + G;
    while (d->plate[0].well[w].drug < 0) w++;
    scp_synth_sampler_well(s, 0, w);
    scp_synth_moments_get(m, d->plate[0].well[w].depth, scp_synth_sampler_rates(s, 1), G, mean,
                          var);
    draw_cells(s, G, N, sum, square);
    double got = 0.0, want = 0.0;
    for (size_t g = 0; g < G; g++) {
        double own = square[g] / N - pow(sum[g] / N, 2.0);
        double z = (sum[g] / N - (double)mean[g]) / sqrt((double)var[g] / N);
        chi += z * z;
        worst = fmax(worst, fabs(z));
        got += own;
        want += (double)var[g];
    }
    tap_ok(fabs(chi / (double)G - 1.0) < 4.5 * sqrt(2.0 / (double)G),
           "means of %d cells: chi-square %.3f a gene", N, chi / (double)G);
    tap_ok(worst < 5.5, "no mean is far off (%.1f standard errors)", worst);
    tap_ok(fabs(got / want - 1.0) < 0.02, "variance of a cell: %.4f, table %.4f", got, want);
    free(sum);
    free(mean);
    scp_synth_moments_destroy(&m);
    scp_synth_sampler_destroy(&s);
    scp_synth_design_destroy(&d);
}

/* ---- files ---- */

static scp_synth_config keys_settings(char *out)
{
    scp_synth_config c = settings();
    c.preset = SCP_SYNTH_KEYS;
    c.out = out;
    c.plates = 3;
    c.mixed = 0;
    c.lines = 4;
    c.drugs = 12;
    c.genes = 200;
    c.cells = 60;
    return c;
}

typedef struct file { /* what is read back */
    scp_h5ad *f;
    scp_h5ad_text line, drug, plate, unit;
    double *dose, *well, *cells;
    scp_h5ad_rows rows;
} file;

static bool file_read(file *k, const char *path)
{
    return tap_st(scp_h5ad_open(path, &k->f), "open keys1.h5ad") &&
           tap_st(scp_h5ad_obs_text(k->f, "cell_line", &k->line), "lines") &&
           tap_st(scp_h5ad_obs_text(k->f, "drug", &k->drug), "drugs") &&
           tap_st(scp_h5ad_obs_text(k->f, "plate", &k->plate), "plate") &&
           tap_st(scp_h5ad_obs_text(k->f, "dose_unit", &k->unit), "units") &&
           tap_st(scp_h5ad_obs_real(k->f, "dose", &k->dose), "doses") &&
           tap_st(scp_h5ad_obs_real(k->f, "well", &k->well), "wells") &&
           tap_st(scp_h5ad_obs_real(k->f, "n_cells", &k->cells), "cells") &&
           tap_st(scp_h5ad_read_rows(k->f, 0, scp_h5ad_n_obs(k->f), &k->rows), "values");
}

static void file_free(file *k)
{
    scp_h5ad_text *text[] = { &k->line, &k->drug, &k->plate, &k->unit };
    for (size_t i = 0; i < sizeof text / sizeof *text; i++) scp_h5ad_text_fini(text[i]);
    scp_h5ad_rows_fini(&k->rows);
    free(k->dose);
    free(k->well);
    free(k->cells);
    scp_h5ad_close(&k->f);
}

/* Labels by the plan; values are N(mean, variance / cells) where that stays above zero. */
static void check_file(const file *k, const scp_synth_design *d)
{
    scp_synth_sampler *s = NULL;
    scp_synth_moments *m = NULL;
    size_t wrong = 0, rows = 0, n = 0, at = 0, G = d->G;
    double chi = 0.0, mean_z = 0.0;
    float *x = malloc(3 * G * sizeof *x), *mean = x + G, *var = mean + G;
    if (!tap_st(scp_synth_sampler_create(d, &s), "a sampler") ||
        !tap_st(scp_synth_moments_create(d, &m), "moments"))
        exit(1);
    for (size_t i = 0; i < k->rows.n_rows; i++) {
        size_t w = (size_t)k->well[i] - 1, c = 0;
        const scp_synth_well *well = &d->plate[0].well[w];
        while (c < d->C && strcmp(d->line[c].id, k->line.label[k->line.code[i]]) != 0) c++;
        bool vehicle = well->drug == SCP_SYNTH_VEHICLE;
        wrong += c == d->C || k->cells[i] != well->cells[c] ||
                 strcmp(k->drug.label[k->drug.code[i]],
                        vehicle ? "DMSO_TF" : d->drug[well->drug].label) != 0 ||
                 k->dose[i] != (vehicle ? 0.0 : scp_synth_dose[well->dose]) ||
                 strcmp(k->plate.label[0], "plate1") != 0 || strcmp(k->unit.label[0], "uM") != 0;
        if (wrong) break;
        if (i == 0 || w != at) scp_synth_sampler_well(s, 0, at = w);
        scp_synth_moments_get(m, well->depth, scp_synth_sampler_rates(s, c), G, mean, var);
        memset(x, 0, G * sizeof *x);
        for (int64_t e = k->rows.indptr[i]; e < k->rows.indptr[i + 1]; e++)
            x[k->rows.column[e]] = k->rows.value[e];
        for (size_t g = 0; g < G; g++) {
            double sd = sqrt((double)var[g] / k->cells[i]);
            if ((double)mean[g] < 5.0 * sd) continue;
            double z = ((double)x[g] - (double)mean[g]) / sd;
            chi += z * z;
            mean_z += z;
            n++;
        }
        rows++;
    }
    size_t want = 0;
    for (size_t w = 0; w < SCP_SYNTH_WELLS; w++)
        for (size_t c = 0; c < d->C; c++) want += d->plate[0].well[w].cells[c] > 0;
    tap_ok(wrong == 0 && rows == want, "a row for each line in each well, labels as planned");
    tap_ok(n > 1500 && fabs(chi / (double)n - 1.0) < 4.5 * sqrt(2.0 / (double)n) &&
               fabs(mean_z) < 4.5 * sqrt((double)n),
           "noise of the variance that so many cells leave: chi-square %.4f over %zu values",
           chi / (double)n, n);
    free(x);
    scp_synth_sampler_destroy(&s);
    scp_synth_moments_destroy(&m);
}

static bool same_bytes(const char *a, const char *b)
{
    char *x = NULL, *y = NULL;
    size_t n = 0, m = 1;
    bool same = scp_fs_read_text(a, &x, &n) == SCP_OK && scp_fs_read_text(b, &y, &m) == SCP_OK &&
                n == m && memcmp(x, y, n) == 0;
    free(x);
    free(y);
    return same;
}

static void compare(const char *alone, const char *together)
{
    static const char *const names[] = { "keys1.h5ad",  "keys2.h5ad", "keys3.h5ad",
                                         "keys14.h5ad", "drugs.tsv",  "truth.h5" };
    char a[SCP_PATH_MAX], b[SCP_PATH_MAX];
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        snprintf(a, sizeof a, "%s/%s", alone, names[i]);
        snprintf(b, sizeof b, "%s/%s", together, names[i]);
        tap_ok(same_bytes(a, b), "%s is that of one rank", names[i]);
    }
}

static void test_files(char *alone, const char *together)
{
    scp_comm *self = NULL;
    scp_synth_design *d = NULL;
    scp_synth_report r = { 0 };
    char path[SCP_PATH_MAX];
    file k = { 0 };
    scp_synth_config c = keys_settings(alone);
    if (tap_st(scp_comm_create_self(&self), "a communicator of one") &&
        tap_st(scp_synth_run(self, &c, &r), "one rank alone") &&
        tap_st(scp_synth_design_create(&c, &d), "its plan")) {
        compare(alone, together);
        /* 12 drugs and the bridge on four plates; the bridge's own set has it twice at 0.05 uM */
        tap_ok(r.means && r.plates == 4 && r.keys == (4 * 13 - 1) * 4, "%zu keys", r.keys);
        snprintf(path, sizeof path, "%s/keys1.h5ad", alone);
        if (file_read(&k, path)) check_file(&k, d);
    }
    file_free(&k);
    scp_synth_design_destroy(&d);
    scp_comm_destroy(&self);
}

int main(int argc, char **argv)
{
    scp_comm *world = NULL;
    scp_synth_report r;
    char folder[SCP_PATH_MAX / 4] = "", both[2][SCP_PATH_MAX / 2];
    const char *top = getenv("top_srcdir");
    if (scp_world_begin(&argc, &argv, &world) != SCP_OK) return 1;
    int rank = scp_comm_rank(world);
    tap_set_silent(rank != 0);
    snprintf(table, sizeof table, "%s/data-prep/drugs/drugs.tsv", top ? top : ".");
    if (rank == 0) snprintf(folder, sizeof folder, "%s", tap_tmpdir());
    tap_st(scp_comm_bcast(world, folder, sizeof folder, SCP_COMM_U8, 0), "one folder");
    snprintf(both[0], sizeof both[0], "%s/alone", folder);
    snprintf(both[1], sizeof both[1], "%s/together", folder);
    scp_synth_config c = keys_settings(both[1]);
    tap_st(scp_synth_run(world, &c, &r), "all ranks together");
    if (rank == 0) test_files(both[0], both[1]);
    if (scp_comm_size(world) == 1) {
        test_moments("as Tahoe", 0.2, 0.52, 300);
        test_moments("Poisson counts, one library", 0, 0, 300);
        test_moments("2,000 genes", 0.2, 0.52, 2000);
    }
    int code = tap_done();
    if (scp_world_end(&world) != SCP_OK) return 1;
    return code;
}
