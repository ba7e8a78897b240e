/* What a screen of known truth must show, whoever analyses it: errors that fall with cells, phases
 * that the counts know of, rankings as good as the noise allows, structures that predict as much as
 * they should and no more. Predictions are ridge regressions in double precision on all bits of the
 * fingerprints, in their kernel form: y* = mean + k* (K + lambda)^-1 (Y - mean). */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "base/mem.h"
#include "base/rng.h"
#include "chem/morgan.h"
#include "data/synth_cells.h"
#include "data/synth_gp.h"
#include "data/synth_moments.h"
#include "tap.h"

static char table[SCP_PATH_MAX];

static scp_synth_config settings(scp_synth_preset preset, int64_t genes)
{
    scp_synth_config c;
    scp_synth_config_init(&c);
    c.table = table;
    c.preset = (int)preset;
    c.genes = genes;
    return c;
}

static scp_synth_design *plan(const scp_synth_config *c)
{
    scp_synth_design *d = NULL;
    if (!tap_st(scp_synth_design_create(c, &d), "a plan")) exit(1);
    return d;
}

static void *need(size_t n, size_t size)
{
    void *p = NULL;
    if (scp_alloc_bytes(n, size, &p) != SCP_OK) exit(1);
    return p;
}

static double pearson(const double *x, const double *y, size_t n)
{
    double mx = 0.0, my = 0.0, xx = 0.0, yy = 0.0, xy = 0.0;
    for (size_t i = 0; i < n; i++) {
        mx += x[i] / (double)n;
        my += y[i] / (double)n;
    }
    for (size_t i = 0; i < n; i++) {
        xx += (x[i] - mx) * (x[i] - mx);
        yy += (y[i] - my) * (y[i] - my);
        xy += (x[i] - mx) * (y[i] - my);
    }
    return xx > 0.0 && yy > 0.0 ? xy / sqrt(xx * yy) : 0.0;
}

static int by_number(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static double median(double *x, size_t n)
{
    qsort(x, n, sizeof *x, by_number);
    return n % 2 ? x[n / 2] : 0.5 * (x[n / 2 - 1] + x[n / 2]);
}

/* ---- cells ---- */

static size_t drug_well(const scp_synth_design *d, size_t plate)
{
    size_t w = 0;
    while (d->plate[plate].well[w].drug < 0) w++;
    return w;
}

/* Mean of log1p(1e4 x / library) over n cells from number `first` on. */
static void mean_profile(scp_synth_sampler *s, size_t well, size_t G, int32_t first, int32_t n,
                         double *mean)
{
    scp_h5ad_rows rows = { 0 };
    scp_synth_cell cell;
    scp_synth_sampler_well(s, 1, well);
    memset(mean, 0, G * sizeof *mean);
    for (int32_t i = first; i < first + n; i++) {
        rows.n_rows = 0;
        if (scp_synth_sampler_cell(s, 0, i, &rows, &cell) != SCP_OK) exit(1);
        for (int64_t k = 0; k < rows.indptr[1]; k++)
            mean[rows.column[k]] +=
                log1p(1e4 * (double)rows.value[k] / (double)cell.counts) / (double)n;
    }
    scp_h5ad_rows_fini(&rows);
}

/* Delta of n treated and n vehicle cells against what it is expected to be. */
static void test_delta_error(void)
{
    enum { PARTS = 8 };
    scp_synth_config c = settings(SCP_SYNTH_TINY, 300);
    c.state = 0;
    scp_synth_design *d = plan(&c);
    scp_synth_sampler *s = NULL;
    scp_synth_moments *m = NULL;
    if (scp_synth_sampler_create(d, &s) != SCP_OK || scp_synth_moments_create(d, &m) != SCP_OK)
        exit(1);
    size_t G = d->G, well[2] = { drug_well(d, 1), 94 };
    double *got = need(2 * G, sizeof *got), error[2] = { 0 };
    float *want = need(3 * G, sizeof *want);
    for (int k = 0; k < 2; k++) {
        scp_synth_sampler_well(s, 1, well[k]);
        scp_synth_moments_get(m, d->plate[1].well[well[k]].depth, scp_synth_sampler_rates(s, 0), G,
                              want + (size_t)k * G, want + 2 * G);
    }
    for (int size = 0; size < 2; size++)
        for (int part = 0; part < PARTS; part++) {
            int32_t n = size ? 240 : 60;
            for (int k = 0; k < 2; k++)
                mean_profile(s, well[k], G, 100000 * size + part * n, n, got + (size_t)k * G);
            for (size_t g = 0; g < G; g++)
                error[size] += pow(got[g] - got[G + g] - (double)(want[g] - want[G + g]), 2.0);
        }
    /* the genes differ in variance, so take a fifth of them for independent: 3 deviations */
    tap_near(sqrt(error[0] / error[1]), 2.0,
             3.0 * sqrt(2.0 / (PARTS * (double)G / 5.0)) * sqrt(2.0),
             "cells x 4: the error of Delta halves");
    free(got);
    free(want);
    scp_synth_moments_destroy(&m);
    scp_synth_sampler_destroy(&s);
    scp_synth_design_destroy(&d);
}

/* Phases: their shares, scores that agree by the usual rule, and counts that rise with them. */
static void test_phases(void)
{
    enum { N = 3000 };
    static const double share[3] = { 0.55, 0.25, 0.20 };
    scp_synth_config c = settings(SCP_SYNTH_TINY, 2000);
    scp_synth_design *d = plan(&c);
    scp_synth_sampler *s = NULL;
    scp_h5ad_rows rows = { 0 };
    double n[3] = { 0 }, marked[3][3] = { { 0 } }; /* by phase; share of genes of S, of G2M, none */
    size_t wrong = 0;
    if (scp_synth_sampler_create(d, &s) != SCP_OK) exit(1);
    scp_synth_sampler_well(s, 1, 94);
    for (int32_t i = 0; i < N; i++) {
        scp_synth_cell cell;
        rows.n_rows = 0;
        if (scp_synth_sampler_cell(s, 2, i, &rows, &cell) != SCP_OK) exit(1);
        n[cell.phase]++;
        int rule = cell.s_score < 0.0 && cell.g2m_score < 0.0 ? SCP_SYNTH_PHASE_G1
                   : cell.s_score > cell.g2m_score            ? SCP_SYNTH_PHASE_S
                                                              : SCP_SYNTH_PHASE_G2M;
        wrong += rule != cell.phase;
        for (int64_t k = 0; k < rows.indptr[1]; k++) {
            uint8_t flags = d->gene_flags[rows.column[k]];
            int kind = flags & SCP_SYNTH_S ? 0 : flags & SCP_SYNTH_G2M ? 1 : 2;
            if (!(flags & SCP_SYNTH_STATE)) marked[cell.phase][kind] += (double)rows.value[k];
        }
    }
    double worst = 0.0;
    for (int p = 0; p < 3; p++)
        worst = fmax(worst, fabs(n[p] / N - share[p]) / sqrt(share[p] * (1.0 - share[p]) / N));
    tap_ok(worst < 4.5, "G1, S and G2M are 55, 25 and 20 %% (%.1f standard errors)", worst);
    tap_ok(wrong == 0, "the scores say the phase");
    for (int kind = 0; kind < 2; kind++) {
        int phase = kind == 0 ? SCP_SYNTH_PHASE_S : SCP_SYNTH_PHASE_G2M;
        double up = marked[phase][kind] / marked[phase][2];
        double base = marked[SCP_SYNTH_PHASE_G1][kind] / marked[SCP_SYNTH_PHASE_G1][2];
        tap_near(log(up / base), 0.3, 0.06, "genes of %s rise by exp(0.3) in it",
                 kind ? "G2M" : "S");
    }
    scp_h5ad_rows_fini(&rows);
    scp_synth_sampler_destroy(&s);
    scp_synth_design_destroy(&d);
}

/* ---- truth against observation ---- */

static const double *rank_key;

static int by_size(const void *a, const void *b)
{
    double x = fabs(rank_key[*(const uint32_t *)a]), y = fabs(rank_key[*(const uint32_t *)b]);
    return x > y ? -1 : x < y;
}

/* Share of the K largest changes of x that are among those of y. */
static double overlap(const double *x, const double *y, size_t G, size_t K)
{
    uint32_t *order = need(G, sizeof *order);
    uint8_t *top = need(G, 1);
    size_t both = 0;
    for (size_t g = 0; g < G; g++) order[g] = (uint32_t)g;
    rank_key = x;
    qsort(order, G, sizeof *order, by_size);
    for (size_t i = 0; i < K; i++) top[order[i]] = 1;
    rank_key = y;
    qsort(order, G, sizeof *order, by_size);
    for (size_t i = 0; i < K; i++) both += top[order[i]];
    free(order);
    free(top);
    return (double)both / (double)K;
}

/* Accuracy of the K most changed genes that a perfect prediction reaches: expected Delta against
 * one with the noise of n cells on both sides; mean over the wells of a plate at the top dose. */
static void test_deg_overlap(void)
{
    static const size_t K[3] = { 50, 200, 1000 };
    static const int cells[2] = { 60, 6000 };
    scp_synth_config c = settings(SCP_SYNTH_DEMO, 1500);
    scp_synth_design *d = plan(&c);
    scp_synth_sampler *s = NULL;
    scp_synth_moments *m = NULL;
    if (scp_synth_sampler_create(d, &s) != SCP_OK || scp_synth_moments_create(d, &m) != SCP_OK)
        exit(1);
    size_t G = d->G, wells = 0;
    float *mean = need(4 * G, sizeof *mean);
    double *truth = need(3 * G, sizeof *truth), *seen = truth + G, *noise = seen + G;
    double sum[2][3] = { { 0 } };
    scp_synth_sampler_well(s, 2, 94);
    scp_synth_moments_get(m, d->plate[2].well[94].depth, scp_synth_sampler_rates(s, 0), G, mean,
                          mean + G);
    for (size_t w = 0; w < 40; w++) {
        const scp_synth_well *well = &d->plate[2].well[w];
        if (well->drug < 0 || d->drug[well->drug].inert) continue;
        scp_synth_sampler_well(s, 2, w);
        scp_synth_moments_get(m, well->depth, scp_synth_sampler_rates(s, 0), G, mean + 2 * G,
                              mean + 3 * G);
        wells++;
        for (int n = 0; n < 2; n++) {
            scp_rng_fill_normal(9, SCP_RNG_SYNTH, (uint64_t)n, w, G, noise);
            for (size_t g = 0; g < G; g++) {
                truth[g] = (double)(mean[2 * G + g] - mean[g]);
                seen[g] =
                    truth[g] + noise[g] * sqrt((double)(mean[G + g] + mean[3 * G + g]) / cells[n]);
            }
            for (int k = 0; k < 3; k++) sum[n][k] += overlap(truth, seen, G, K[k]);
        }
    }
    for (int k = 0; k < 3; k++) {
        double chance = (double)K[k] / (double)G, few = sum[0][k] / (double)wells,
               many = sum[1][k] / (double)wells;
        tap_ok(few > chance + 0.1 && many > few + 0.3 * (1.0 - few) && many < 1.0,
               "attainable accuracy at K = %zu: %.2f with 60 cells, %.2f with 6,000; chance %.2f",
               K[k], few, many, chance);
    }
    free(mean);
    free(truth);
    scp_synth_sampler_destroy(&s);
    scp_synth_moments_destroy(&m);
    scp_synth_design_destroy(&d);
}

/* Norm of the true change, dose by dose. */
static void test_ladder(void)
{
    scp_synth_config c = settings(SCP_SYNTH_TINY, 300);
    scp_synth_design *d = plan(&c);
    float *lfc = need(d->G, sizeof *lfc);
    size_t rising = 0;
    for (size_t line = 0; line < d->C; line++)
        for (size_t drug = 0; drug < d->D; drug++) {
            double norm[3] = { 0 };
            for (int x = 0; x < 3; x++) {
                scp_synth_lfc(d, line, drug, x, lfc);
                for (size_t g = 0; g < d->G; g++) norm[x] += (double)lfc[g] * (double)lfc[g];
            }
            rising += 0.0 < norm[0] && norm[0] < norm[1] && norm[1] < norm[2];
        }
    tap_ok(rising == d->C * d->D, "the norm of the truth rises strictly with the dose");
    free(lfc);
    scp_synth_design_destroy(&d);
}

/* ---- unseen drugs ---- */

typedef struct screen { /* true changes of drugs at the top dose, averaged over lines */
    size_t D, G;
    double *y;      /* [D, G] */
    double *kernel; /* [D, D] inner products of centred bits, scaled to a mean diagonal of 1 */
} screen;

static void read_bits(const scp_synth_design *d, double *bits)
{
    for (size_t i = 0; i < d->D; i++) {
        scp_structure s = { 0 };
        if (scp_structure_parse(d->drug[i].smiles, &s) != SCP_OK) exit(1);
        for (size_t b = 0; b < SCP_MORGAN_BITS; b++) bits[i * SCP_MORGAN_BITS + b] = s.fp[b];
        scp_structure_fini(&s);
    }
    for (size_t b = 0; b < SCP_MORGAN_BITS; b++) {
        double mean = 0.0;
        for (size_t i = 0; i < d->D; i++) mean += bits[i * SCP_MORGAN_BITS + b] / (double)d->D;
        for (size_t i = 0; i < d->D; i++) bits[i * SCP_MORGAN_BITS + b] -= mean;
    }
}

static screen screen_of(const scp_synth_design *d)
{
    screen s = { .D = d->D, .G = d->G };
    float *lfc = need(d->G, sizeof *lfc);
    double *bits = need(d->D * SCP_MORGAN_BITS, sizeof *bits), trace = 0.0;
    s.y = need(d->D * d->G, sizeof *s.y);
    s.kernel = need(d->D * d->D, sizeof *s.kernel);
    for (size_t i = 0; i < d->D; i++)
        for (size_t line = 0; line < d->C; line++) {
            scp_synth_lfc(d, line, i, 2, lfc);
            for (size_t g = 0; g < d->G; g++) s.y[i * d->G + g] += (double)lfc[g] / (double)d->C;
        }
    read_bits(d, bits);
    for (size_t i = 0; i < d->D; i++)
        for (size_t j = 0; j < d->D; j++) {
            double dot = 0.0;
            for (size_t b = 0; b < SCP_MORGAN_BITS; b++)
                dot += bits[i * SCP_MORGAN_BITS + b] * bits[j * SCP_MORGAN_BITS + b];
            s.kernel[i * d->D + j] = dot;
            trace += i == j ? dot / (double)d->D : 0.0;
        }
    for (size_t i = 0; i < d->D * d->D; i++) s.kernel[i] /= trace;
    free(lfc);
    free(bits);
    return s;
}

static void screen_free(screen *s)
{
    free(s->y);
    free(s->kernel);
}

/* Five folds of drugs by fold [D]. Median Pearson correlation over genes of held-out drugs with the
 * truth: r[0] of the mean of the other drugs, r[1] of ridge. */
static void unseen(const screen *s, const int *fold, double r[2])
{
    enum { FOLDS = 5 };
    static const double lambda = 0.3;
    size_t D = s->D, G = s->G, scored = 0;
    double *a = need(D * D, sizeof *a), *res = need(D * G, sizeof *res);
    double *mean = need(G, sizeof *mean), *guess = need(G, sizeof *guess), *score[2];
    size_t *row = need(D, sizeof *row);
    for (int k = 0; k < 2; k++) score[k] = need(D, sizeof *score[k]);
    for (int f = 0; f < FOLDS; f++) {
        size_t m = 0;
        memset(mean, 0, G * sizeof *mean);
        for (size_t i = 0; i < D; i++)
            if (fold[i] != f) row[m++] = i;
        for (size_t i = 0; i < m; i++)
            for (size_t g = 0; g < G; g++) mean[g] += s->y[row[i] * G + g] / (double)m;
        for (size_t i = 0; i < m; i++)
            for (size_t j = 0; j < m; j++)
                a[i * m + j] = s->kernel[row[i] * D + row[j]] + (i == j ? lambda : 0.0);
        if (scp_synth_cholesky(a, m) != SCP_OK) exit(1);
        for (size_t i = 0; i < m; i++) /* res = L^-1 (Y - mean), then L^-T of it */
            for (size_t g = 0; g < G; g++) {
                double v = s->y[row[i] * G + g] - mean[g];
                for (size_t j = 0; j < i; j++) v -= a[i * m + j] * res[j * G + g];
                res[i * G + g] = v / a[i * m + i];
            }
        for (size_t i = m; i-- > 0;)
            for (size_t g = 0; g < G; g++) {
                double v = res[i * G + g];
                for (size_t j = i + 1; j < m; j++) v -= a[j * m + i] * res[j * G + g];
                res[i * G + g] = v / a[i * m + i];
            }
        for (size_t i = 0; i < D; i++) {
            if (fold[i] != f) continue;
            memcpy(guess, mean, G * sizeof *mean);
            for (size_t j = 0; j < m; j++)
                for (size_t g = 0; g < G; g++)
                    guess[g] += s->kernel[i * D + row[j]] * res[j * G + g];
            score[0][scored] = pearson(mean, s->y + i * G, G);
            score[1][scored++] = pearson(guess, s->y + i * G, G);
        }
    }
    for (int k = 0; k < 2; k++) {
        r[k] = median(score[k], scored);
        free(score[k]);
    }
    free(a);
    free(res);
    free(mean);
    free(guess);
    free(row);
}

static void random_folds(size_t D, int *fold)
{
    for (size_t i = 0; i < D; i++) fold[i] = (int)(scp_rng_permute(4, SCP_RNG_SYNTH, 1, D, i) % 5);
}

static void test_structure(void)
{
    double r[2][2];
    int fold[90];
    for (int share = 0; share < 2; share++) {
        scp_synth_config c = settings(SCP_SYNTH_DEMO, 300);
        c.lines = 4;
        c.structure = share ? 0.85 : 0.0;
        scp_synth_design *d = plan(&c);
        screen s = screen_of(d);
        random_folds(s.D, fold);
        unseen(&s, fold, r[share]);
        screen_free(&s);
        scp_synth_design_destroy(&d);
    }
    tap_ok(r[1][1] > r[1][0] + 0.2,
           "structures predict unseen drugs: ridge %.2f, mean of others %.2f", r[1][1], r[1][0]);
    tap_ok(r[0][1] < r[0][0] + 0.05,
           "but not when effects do not follow from them: ridge %.2f, mean of others %.2f", r[0][1],
           r[0][0]);
}

/* 45 drugs of the table, each under two names: the same structure in training and test. */
static bool write_twins(const char *path)
{
    scp_strbuf text = { 0 };
    scp_synth_config c = settings(SCP_SYNTH_DEMO, 100);
    scp_synth_design *d = plan(&c);
    scp_status st = scp_strbuf_addf(&text, "drug\tsmiles\n");
    for (size_t i = 0; i < 90 && st == SCP_OK; i++)
        st = scp_strbuf_addf(&text, "%s %zu\t%s\n", d->drug[i / 2].name, i % 2,
                             d->drug[i / 2].smiles);
    if (st == SCP_OK) st = scp_fs_write_text(path, text.text, text.len);
    scp_strbuf_fini(&text);
    scp_synth_design_destroy(&d);
    return tap_st(st, "a table of twins");
}

static void test_twins(void)
{
    char path[SCP_PATH_MAX];
    scp_synth_config c = settings(SCP_SYNTH_DEMO, 300);
    int fold[90], grouped[90];
    double leaky[2], honest[2];
    snprintf(path, sizeof path, "%s/twins.tsv", tap_tmpdir());
    if (!write_twins(path)) return;
    c.table = path;
    c.lines = 4;
    c.effects = SCP_SYNTH_BY_GP; /* follows from the structure, but from little that is alike */
    c.structure = 0.95;
    scp_synth_design *d = plan(&c);
    screen s = screen_of(d);
    for (size_t i = 0; i < s.D; i++) {
        fold[i] = (int)((i + i % 2) % 5); /* twins are never in one fold */
        grouped[i] = (int)(i / 2 % 5);
    }
    unseen(&s, fold, leaky);
    unseen(&s, grouped, honest);
    tap_ok(leaky[1] > honest[1] + 0.15,
           "twins in training and test: %.2f; drugs grouped by structure: %.2f", leaky[1],
           honest[1]);
    screen_free(&s);
    scp_synth_design_destroy(&d);
}

/* Effects by a Gaussian process: the kriging mean, through the genes, is the ceiling. */
static void test_ceiling(void)
{
    scp_synth_config c = settings(SCP_SYNTH_DEMO, 300);
    c.effects = SCP_SYNTH_BY_GP;
    c.structure = 0.95;
    c.lines = 4;
    c.common = 0;
    scp_synth_design *d = plan(&c);
    screen s = screen_of(d);
    double r[2], *guess = need(s.G, sizeof *guess), *score = need(s.D, sizeof *score),
                 variance = 0.0;
    int fold[90];
    for (size_t i = 0; i < s.D; i++) {
        for (size_t g = 0; g < s.G; g++) {
            guess[g] = 0.0;
            for (size_t p = 0; p < SCP_SYNTH_P; p++)
                guess[g] += (double)d->V[p * s.G + g] * d->kriged[i * SCP_SYNTH_P + p];
        }
        score[i] = pearson(guess, s.y + i * s.G, s.G);
        variance += d->kriging_variance[i] / (double)s.D;
    }
    double ceiling = median(score, s.D), want = sqrt(1.0 - variance);
    random_folds(s.D, fold);
    unseen(&s, fold, r);
    /* 90 drugs of 12 programmes: a correlation's error is about 0.75 / sqrt 12 a drug */
    tap_near(ceiling, want, 4.0 * 0.75 / sqrt(12.0 * 90.0),
             "kriging scores what it is expected to");
    tap_ok(r[1] > 0.5 * ceiling && r[1] < ceiling + 0.03,
           "ridge on bits %.2f stays below the ceiling of %.2f (expected %.2f)", r[1], ceiling,
           want);
    free(guess);
    free(score);
    screen_free(&s);
    scp_synth_design_destroy(&d);
}

int main(void)
{
    const char *top = getenv("top_srcdir");
    snprintf(table, sizeof table, "%s/data-prep/drugs/drugs.tsv", top ? top : ".");
    test_delta_error();
    test_phases();
    test_deg_overlap();
    test_ladder();
    test_structure();
    test_twins();
    test_ceiling();
    return tap_done();
}
