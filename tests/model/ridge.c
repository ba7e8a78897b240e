/* Ridge regression in closed form: golden values of numpy, limits that can be told by hand, the
 * same bits on any number of ranks and from a file. */
#include "model/ridge.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "base/mem.h"
#include "comm/world.h"
#include "eval/golden_file.h"
#include "eval/screen.h"
#include "tap_ranks.h"

enum { G = 5, MAX = 128, DRUGS = 6, LAMBDAS = 4 };

static scp_comm *world, *self;

/* The golden screen and its figures. */
typedef struct golden {
    scp_dataset d;
    int32_t val[MAX], rows[MAX];
    size_t n_val;
    double lambda[LAMBDAS], mse[2][LAMBDAS]; /* [line in the inputs] */
    struct {
        int line, pair;
        double lambda;
        float x[G];
    } pred[MAX];
    int n_pred;
} golden;

static void read_x(const golden_file *f, size_t from, float *x)
{
    for (int g = 0; g < G; g++) x[g] = strtof(f->field[from + (size_t)g], NULL);
}

/* Rows of the file that make the data set; drugs are numbered as they appear. */
static scp_status read_screen(golden_file *f, golden *out, uint8_t *bits)
{
    static screen_row row[MAX];
    static float x[MAX][G];
    static char line[MAX][16], drug[MAX][16];
    size_t n = 0;
    while (golden_next(f) && !golden_is(f, "fit")) {
        bool pair = golden_is(f, "pair");
        if (golden_is(f, "bits")) {
            for (size_t i = 2; i < f->n; i++)
                bits[atoi(f->field[1]) * SCP_FP_BITS + atoi(f->field[i])] = 1;
            continue;
        }
        snprintf(line[n], sizeof line[n], "L%s", f->field[1]);
        snprintf(drug[n], sizeof drug[n], "D%s", f->field[2]);
        read_x(f, pair ? 5 : 2, x[n]);
        row[n] = (screen_row){ .line = line[n], .plate = "p", .x = x[n] };
        if (pair) {
            row[n].drug = drug[n];
            row[n].dose = atof(f->field[3]);
            SCP_TRY(scp_split_parse(f->field[4], &row[n].split));
        }
        n++;
    }
    SCP_TRY(screen_make(G, row, n, &out->d));
    SCP_TRY(scp_alloc(DRUGS * SCP_FP_BITS, 1, &out->d.fp));
    memcpy(out->d.fp, bits, DRUGS * SCP_FP_BITS);
    return SCP_OK;
}

static void read_figures(golden_file *f, golden *out)
{
    int n[2] = { 0, 0 };
    do {
        int line = atoi(f->field[1]);
        double lambda = atof(f->field[2]);
        if (golden_is(f, "fit")) {
            out->lambda[n[line]] = lambda;
            out->mse[line][n[line]++] = atof(f->field[3]);
        } else {
            out->pred[out->n_pred].line = line;
            out->pred[out->n_pred].pair = atoi(f->field[3]);
            out->pred[out->n_pred].lambda = lambda;
            read_x(f, 4, out->pred[out->n_pred++].x);
        }
    } while (golden_next(f));
}

static scp_status read_golden(golden *out)
{
    static uint8_t bits[DRUGS * SCP_FP_BITS];
    golden_file f;
    memset(out, 0, sizeof *out);
    if (!golden_open(&f, "ridge.tsv")) SCP_FAIL(SCP_ENOINPUT, "no tests/golden/ridge.tsv");
    scp_status st = read_screen(&f, out, bits);
    if (st == SCP_OK) read_figures(&f, out);
    golden_close(&f);
    for (size_t i = 0; st == SCP_OK && i < out->d.N; i++) {
        out->rows[i] = (int32_t)i;
        if (out->d.split[i] == SCP_SPLIT_VAL_UC || out->d.split[i] == SCP_SPLIT_VAL_UD)
            out->val[out->n_val++] = (int32_t)i;
    }
    return st;
}

static scp_status fit(const golden *t, scp_comm *comm, bool line, double *lambda, size_t n,
                      scp_ridge *r)
{
    const scp_baseline_config cfg = { .lambda = { lambda, n }, .line = line };
    return scp_ridge_fit(comm, &t->d, &cfg, t->val, t->n_val, r);
}

static void test_golden(golden *t)
{
    for (int line = 0; line < 2; line++)
        for (int k = 0; k < LAMBDAS; k++) {
            scp_ridge r;
            double worst = 0;
            if (!tap_st(fit(t, world, line, &t->lambda[k], 1, &r), "fit, lambda %g", t->lambda[k]))
                continue;
            tap_rel(r.mse, t->mse[line][k], 1e-6, "validation error, lines %d, lambda %g", line,
                    t->lambda[k]);
            for (int i = 0; i < t->n_pred; i++) {
                float x[G];
                int32_t pair = t->pred[i].pair;
                if (t->pred[i].line != line || t->pred[i].lambda != t->lambda[k]) continue;
                if (scp_ridge_fill(&r, &pair, 1, x) != SCP_OK) worst = INFINITY;
                for (int g = 0; g < G; g++)
                    worst = fmax(worst, fabs((double)x[g] - t->pred[i].x[g]));
            }
            if (!tap_ok(worst < 1e-5, "predictions of numpy, lines %d, lambda %g", line,
                        t->lambda[k]))
                tap_diag("error %g", worst);
            scp_ridge_fini(&r);
        }
}

static void test_choice(golden *t)
{
    scp_ridge r;
    int best = 0;
    for (int k = 1; k < LAMBDAS; k++)
        if (t->mse[1][k] < t->mse[1][best]) best = k;
    if (tap_st(fit(t, world, true, t->lambda, LAMBDAS, &r), "all lambdas")) {
        tap_near(r.lambda, t->lambda[best], 0, "the best on validation is taken");
        tap_rel(r.mse, t->mse[1][best], 1e-6, "with its error");
        scp_ridge_fini(&r);
    }
    size_t n_val = t->n_val;
    t->n_val = 0;
    if (tap_st(fit(t, world, true, t->lambda, LAMBDAS, &r), "no validation pairs")) {
        tap_ok(r.lambda == t->lambda[2] && isnan(r.mse), "the middle one, and no error");
        scp_ridge_fini(&r);
    }
    t->n_val = n_val;
}

/* A change that is linear in the inputs, without noise, is found. */
static void test_planted(golden *t)
{
    scp_ridge r;
    double lambda = 1e-10, worst = 0;
    scp_dataset *d = &t->d;
    for (size_t i = 0; i < d->N; i++) {
        int32_t post = d->post[i], k = d->p_drug[post];
        for (int g = 0; g < G; g++) {
            double s = log10(1 + d->p_dose[post]), w = 0;
            for (int b = 0; b < SCP_FP_BITS; b++)
                if (d->fp[k * SCP_FP_BITS + b]) w += sin(b + 3 * g);
            d->x[(size_t)post * G + (size_t)g] =
                (float)(d->x[(size_t)d->pre[i] * G + (size_t)g] + s * (0.1 * w + 1) +
                        0.05 * d->p_line[post]);
        }
    }
    if (!tap_st(fit(t, world, true, &lambda, 1, &r), "a planted map")) return;
    for (size_t i = 0; i < d->N; i++) {
        float x[G];
        if (d->split[i] != SCP_SPLIT_TRAIN && d->split[i] != SCP_SPLIT_VAL_UC) continue;
        if (scp_ridge_fill(&r, &t->rows[i], 1, x) != SCP_OK) worst = INFINITY;
        for (int g = 0; g < G; g++)
            worst = fmax(worst, fabs((double)x[g] - d->x[(size_t)d->post[i] * G + (size_t)g]));
    }
    if (!tap_ok(worst < 1e-4, "seen drugs in combinations that were held out are exact"))
        tap_diag("error %g", worst);
    scp_ridge_fini(&r);
}

/* Doses enter as log10(1 + dose): twice that is twice the drug's part; none is no drug. */
static void test_dose(golden *t)
{
    scp_ridge r;
    float x[4][G];
    double bend = 0, spread = 0;
    const double s = log10(1 + 0.5);
    int32_t first = 0, other = 3;
    if (!tap_st(fit(t, world, true, &t->lambda[1], 1, &r), "a fit")) return;
    double *dose = &t->d.p_dose[t->d.post[first]], *dose2 = &t->d.p_dose[t->d.post[other]];
    for (int k = 0; k < 3; k++) {
        *dose = pow(10, k * s) - 1;
        if (scp_ridge_fill(&r, &first, 1, x[k]) != SCP_OK) bend = INFINITY;
    }
    *dose2 = 0;
    if (scp_ridge_fill(&r, &other, 1, x[3]) != SCP_OK) bend = INFINITY;
    for (int g = 0; g < G; g++) {
        bend = fmax(bend, fabs((double)x[2][g] - x[0][g] - 2 * ((double)x[1][g] - x[0][g])));
        spread = fmax(spread, fabs((double)x[3][g] - x[0][g]));
    }
    tap_ok(t->d.p_drug[t->d.post[first]] != t->d.p_drug[t->d.post[other]] && spread == 0,
           "dose 0: the drug does not matter");
    tap_ok(bend < 1e-5, "twice log10(1 + dose): twice the drug's part");
    scp_ridge_fini(&r);
}

/* A penalty without end leaves the mean change. */
static void test_limit(golden *t)
{
    scp_ridge r;
    double huge = 1e12, worst = 0, mean[G] = { 0 };
    size_t n = 0;
    for (size_t i = 0; i < t->d.N; i++) {
        if (t->d.split[i] != SCP_SPLIT_TRAIN) continue;
        n++;
        for (int g = 0; g < G; g++)
            mean[g] += (double)t->d.x[(size_t)t->d.post[i] * G + (size_t)g] -
                       t->d.x[(size_t)t->d.pre[i] * G + (size_t)g];
    }
    if (!tap_st(fit(t, world, true, &huge, 1, &r), "a huge penalty")) return;
    float x[G];
    int32_t pair = 0;
    if (scp_ridge_fill(&r, &pair, 1, x) != SCP_OK) worst = INFINITY;
    for (int g = 0; g < G; g++)
        worst = fmax(worst, fabs((double)x[g] - t->d.x[(size_t)t->d.pre[0] * G + (size_t)g] -
                                 mean[g] / (double)n));
    tap_ok(worst < 1e-6, "a penalty without end: x_pre + the mean change");
    scp_ridge_fini(&r);
}

/* More genes than a tile, so that every rank has some. */
static void test_ranks(golden *t)
{
    enum { WIDE = 900 };
    scp_dataset wide = t->d;
    scp_ridge all = { 0 }, alone = { 0 };
    const scp_baseline_config cfg = { .lambda = { t->lambda, LAMBDAS }, .line = true };
    float *x = calloc(wide.P * WIDE, sizeof *x);
    for (size_t i = 0; x && i < wide.P * WIDE; i++)
        x[i] = wide.x[i / WIDE * G + i % G] + (float)(i * 7919 % 1009) / 5000.0f;
    wide.x = x;
    wide.G = WIDE;
    bool same = x && scp_ridge_fit(world, &wide, &cfg, t->val, t->n_val, &all) == SCP_OK &&
                scp_ridge_fit(self, &wide, &cfg, t->val, t->n_val, &alone) == SCP_OK &&
                memcmp(all.W, alone.W, all.F * WIDE * sizeof *all.W) == 0 &&
                memcmp(all.base, alone.base, WIDE * sizeof *all.base) == 0 &&
                all.lambda == alone.lambda && all.mse == alone.mse;
    tap_ok(tap_everywhere(world, same), "all ranks give the bits of one");
    scp_ridge_fini(&all);
    scp_ridge_fini(&alone);
    free(x);
}

static void test_file(golden *t)
{
    char path[SCP_PATH_MAX];
    scp_ridge r, back = { 0 };
    scp_ckpt_writer *w = NULL;
    scp_ckpt *c = NULL;
    float x[MAX * G], y[MAX * G];
    if (scp_comm_rank(world) != 0) return;
    if (tap_st(fit(t, self, true, t->lambda, LAMBDAS, &r), "a fit") &&
        tap_st(scp_fs_join(path, sizeof path, tap_tmpdir(), "r.h5"), "a path") &&
        tap_st(scp_ckpt_writer_create(path, &w), "a file") &&
        tap_st(scp_ridge_add(w, &r), "the model") &&
        tap_st(scp_ckpt_writer_commit(&w), "written") &&
        tap_st(scp_ckpt_open(path, &c), "opened") &&
        tap_st(scp_ridge_get(c, &t->d, &back), "read") &&
        tap_st(scp_ridge_fill(&r, t->rows, t->d.N, x), "before") &&
        tap_st(scp_ridge_fill(&back, t->rows, t->d.N, y), "after")) {
        tap_ok(memcmp(x, y, t->d.N * G * sizeof *x) == 0, "the same predictions from the file");
        scp_ridge_fini(&back);
        scp_dataset more = t->d;
        more.n_lines++;
        tap_fails(scp_ridge_get(c, &more, &back), SCP_EDATA, "other genes or cell lines",
                  "another screen is refused");
    }
    scp_ckpt_close(&c);
    scp_ridge_fini(&r);
    scp_ridge_fini(&back);
}

int main(int argc, char **argv)
{
    golden t;
    if (scp_world_begin(&argc, &argv, &world) != SCP_OK) return 70;
    if (scp_comm_create_self(&self) != SCP_OK) return 70;
    tap_set_silent(scp_comm_rank(world) != 0);
    if (tap_st(read_golden(&t), "golden values")) {
        test_golden(&t);
        test_choice(&t);
        test_limit(&t);
        test_ranks(&t);
        test_file(&t);
        test_dose(&t);
        test_planted(&t);
    }
    scp_dataset_fini(&t.d);
    scp_comm_destroy(&self);
    int rc = tap_done();
    if (scp_world_end(&world) != SCP_OK) return 70;
    return rc;
}
