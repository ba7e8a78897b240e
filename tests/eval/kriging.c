/* The rows `truth` and `kriging` of a synthetic screen: a truth.h5 in small, and the profiles that
 * numpy has for it (make_kriging_golden.py). */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "eval/golden_file.h"
#include "eval/screen.h"
#include "eval/synth_truth.h"
#include "io/array_file.h"
#include "tap.h"

enum { MAX = 64, MAX_GENES = 8 };

typedef struct pair_row {
    int line, drug, trains;
    double magnitude;
} pair_row;

/* What is in the file. */
typedef struct golden {
    size_t D, C, G, P; /* drugs, lines, genes, programmes */
    double mean[MAX], covariance[MAX], effect[MAX], own[MAX], load[MAX], control[MAX];
    size_t n_mean, n_covariance, n_effect, n_own, n_load, n_control, n_pairs;
    pair_row pair[MAX];
    double want[2][MAX][MAX_GENES]; /* by scp_synth_truth_kind */
} golden;

static void append(const golden_file *f, double *to, size_t *n)
{
    for (size_t i = 1; i < f->n && *n < MAX; i++) to[(*n)++] = strtod(f->field[i], NULL);
}

static int whole(const golden_file *f, size_t i)
{
    return (int)strtol(f->field[i], NULL, 10);
}

static void read_row(const golden_file *f, golden *t)
{
    if (golden_is(f, "shape")) {
        t->D = (size_t)whole(f, 1);
        t->C = (size_t)whole(f, 2);
        t->G = (size_t)whole(f, 3);
        t->P = (size_t)whole(f, 4);
    } else if (golden_is(f, "mean")) {
        append(f, t->mean, &t->n_mean);
    } else if (golden_is(f, "covariance")) {
        append(f, t->covariance, &t->n_covariance);
    } else if (golden_is(f, "effect")) {
        append(f, t->effect, &t->n_effect);
    } else if (golden_is(f, "own")) {
        append(f, t->own, &t->n_own);
    } else if (golden_is(f, "load")) {
        append(f, t->load, &t->n_load);
    } else if (golden_is(f, "control")) {
        append(f, t->control, &t->n_control);
    } else if (golden_is(f, "pair")) {
        t->pair[t->n_pairs++] =
            (pair_row){ whole(f, 1), whole(f, 2), whole(f, 4), strtod(f->field[3], NULL) };
    } else if (golden_is(f, "want")) {
        double *to = t->want[strcmp(f->field[1], "kriged") == 0][whole(f, 2)];
        for (size_t g = 0; g < t->G; g++) to[g] = strtod(f->field[3 + g], NULL);
    }
}

static bool read_golden(golden *t)
{
    golden_file f;
    if (!golden_open(&f, "kriging.tsv")) return false;
    while (golden_next(&f)) read_row(&f, t);
    golden_close(&f);
    return t->n_pairs == t->C * t->D && t->n_covariance == t->D * t->D &&
           t->n_own == t->C * t->D * t->P;
}

static const char *const line_name[] = { "L0", "L1" };
static const char *const drug_name[] = { "D0", "D1", "D2", "D3", "D4" };

/* Keys of the file: every line and drug at one dose. */
static scp_status put_keys(scp_array_file *f, const golden *t)
{
    int32_t line[MAX], drug[MAX];
    double dose[MAX], magnitude[MAX];
    for (size_t i = 0; i < t->n_pairs; i++) {
        line[i] = t->pair[i].line;
        drug[i] = t->pair[i].drug;
        dose[i] = 5;
        magnitude[i] = t->pair[i].magnitude;
    }
    const size_t n[] = { t->n_pairs };
    SCP_TRY(scp_array_file_put(f, "key/line", SCP_ARRAY_I32, 1, n, line));
    SCP_TRY(scp_array_file_put(f, "key/drug", SCP_ARRAY_I32, 1, n, drug));
    SCP_TRY(scp_array_file_put(f, "key/dose", SCP_ARRAY_F64, 1, n, dose));
    return scp_array_file_put(f, "key/magnitude", SCP_ARRAY_F64, 1, n, magnitude);
}

/* The parts of truth.h5 that are read; process: those of effects by a Gaussian process, too. */
static scp_status put_truth(scp_array_file *f, const golden *t, bool process)
{
    char name[MAX_GENES][16];
    const char *gene[MAX_GENES];
    for (size_t g = 0; g < t->G; g++) {
        snprintf(name[g], sizeof name[g], "GENE%zu", g);
        gene[g] = name[g];
    }
    SCP_TRY(scp_array_file_put_texts(f, "gene/name", gene, t->G));
    SCP_TRY(scp_array_file_put_texts(f, "line/id", line_name, t->C));
    SCP_TRY(scp_array_file_put_texts(f, "line/name", line_name, t->C));
    SCP_TRY(scp_array_file_put_texts(f, "drug/name", drug_name, t->D));
    SCP_TRY(scp_array_file_put(f, "gene/V", SCP_ARRAY_F64, 2, (size_t[]){ t->P, t->G }, t->load));
    SCP_TRY(scp_array_file_put(f, "drug/e", SCP_ARRAY_F64, 2, (size_t[]){ t->D, t->P }, t->effect));
    SCP_TRY(scp_array_file_put(f, "pair/own", SCP_ARRAY_F64, 2, (size_t[]){ t->C * t->D, t->P },
                               t->own));
    SCP_TRY(put_keys(f, t));
    if (!process) return SCP_OK;
    SCP_TRY(
        scp_array_file_put(f, "drug/prior_mean", SCP_ARRAY_F64, 1, (size_t[]){ t->P }, t->mean));
    return scp_array_file_put(f, "drug/covariance", SCP_ARRAY_F64, 2, (size_t[]){ t->D, t->D },
                              t->covariance);
}

static bool write_truth(const golden *t, bool process, char *path, size_t size)
{
    scp_array_file *f = NULL;
    snprintf(path, size, "%s/truth%d.h5", tap_tmpdir(), process);
    scp_status st = scp_array_file_create(path, &f);
    if (st == SCP_OK) st = put_truth(f, t, process);
    if (st == SCP_OK) st = scp_array_file_commit(&f);
    scp_array_file_close(&f);
    return tap_st(st, "a truth.h5 %s a Gaussian process", process ? "with" : "without");
}

/* The screen: a control a line, then the pairs in their order. What was observed of the treated
 * cells is of no matter. */
static bool make_screen(const golden *t, scp_dataset *d)
{
    static float x[2][MAX_GENES];
    screen_row row[MAX];
    size_t n = 0;
    for (size_t c = 0; c < t->C; c++) {
        for (size_t g = 0; g < t->G; g++) x[c][g] = (float)t->control[c * t->G + g];
        row[n++] = (screen_row){ .line = line_name[c], .plate = "p", .x = x[c] };
    }
    for (size_t i = 0; i < t->n_pairs; i++) {
        const pair_row *p = &t->pair[i];
        row[n++] = (screen_row){ .line = line_name[p->line],
                                 .drug = drug_name[p->drug],
                                 .plate = "p",
                                 .dose = 5,
                                 .split = p->trains ? SCP_SPLIT_TRAIN : SCP_SPLIT_UD,
                                 .x = x[0] };
    }
    return tap_st(screen_make(t->G, row, n, d), "the screen");
}

static void test_row(const char *path, const golden *t, const scp_dataset *d, const char *name)
{
    scp_synth_truth_kind kind;
    scp_synth_truth *truth = NULL;
    int32_t rows[MAX];
    float out[MAX * MAX_GENES];
    double worst = 0;
    for (size_t i = 0; i < d->N; i++) rows[i] = (int32_t)i;
    if (!tap_ok(scp_synth_truth_row(name, &kind), "there is a row %s", name) ||
        !tap_st(scp_synth_truth_open(path, d, kind, rows, d->N, &truth), "open it") ||
        !tap_st(scp_synth_truth_fill(truth, rows, d->N, out), "predict all pairs"))
        return;
    for (size_t i = 0; i < d->N; i++)
        for (size_t g = 0; g < t->G; g++)
            worst = fmax(worst, fabs(out[i * t->G + g] - t->want[kind][i][g]));
    tap_ok(worst < 1e-6, "%s: the profiles of the closed form (%.1e apart)", name, worst);
    scp_synth_truth_close(&truth);
}

int main(void)
{
    char path[SCP_PATH_MAX];
    static golden t;
    scp_dataset d = { 0 };
    scp_synth_truth_kind kind;
    scp_synth_truth *truth = NULL;
    const int32_t row = 0;
    if (!tap_ok(read_golden(&t), "read kriging.tsv") || !make_screen(&t, &d)) return tap_done();
    tap_ok(!scp_synth_truth_row("krig", &kind), "there is no row krig");
    if (write_truth(&t, true, path, sizeof path)) {
        test_row(path, &t, &d, "truth");
        test_row(path, &t, &d, "kriging");
        for (size_t i = 0; i < d.N; i++) d.split[i] = SCP_SPLIT_UD;
        tap_fails(scp_synth_truth_open(path, &d, SCP_SYNTH_KRIGED, &row, 1, &truth), SCP_EDATA,
                  "0 of 5", "kriging without a training pair");
    }
    if (write_truth(&t, false, path, sizeof path)) {
        tap_fails(scp_synth_truth_open(path, &d, SCP_SYNTH_KRIGED, &row, 1, &truth), SCP_EDATA,
                  "--effects gp", "kriging of other effects");
        tap_st(scp_synth_truth_open(path, &d, SCP_SYNTH_EXACT, &row, 1, &truth),
               "the truth itself needs no process");
    }
    scp_synth_truth_close(&truth);
    scp_dataset_fini(&d);
    return tap_done();
}
