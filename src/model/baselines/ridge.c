/* Ridge regression in closed form, see model/ridge.h.
 *
 * The inputs are sparse and repeat: U'Y over pairs is the sum over treatments of phi_s times the
 * summed change of the treatment's pairs, and over lines of the line's summed change. So a tile of
 * genes costs one addition a pair, then a product over the few treatments, then one solution. */
#include "model/ridge.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "model/drug_label.h"
#include "tensor/linalg.h"

enum { TILE = 256, MAX_INPUTS = SCP_FP_BITS + 2 };

/* What the passes over genes share. */
typedef struct fit {
    const scp_dataset *d;
    const scp_baseline_config *cfg;
    scp_drug_labels labels;
    const int32_t *val;
    size_t n_val, n_train, F;
    double *in_mean, *out_mean; /* [F], [G] means of inputs and changes          */
    double *A;                  /* [F, F] U'U, centred                                       */
    double *L;                  /* [F, F] factor of A + n lambda I                           */
    double *V;                  /* [lambdas, F, n_val] (A + n lambda I)^-1 U_val'            */
    double *error;              /* [tiles, lambdas] squared error on the validation pairs    */
    scp_ridge *r;
} fit;

/* The inputs of a pair that are not 0: their places and values. Returns how many. */
static size_t inputs(const scp_dataset *d, bool line, int32_t pair, int32_t *at, double *value)
{
    size_t n = 0;
    int32_t p = d->post[pair];
    const uint8_t *bits = d->fp + (size_t)d->p_drug[p] * SCP_FP_BITS;
    double s = log1p(d->p_dose[p]) / M_LN10;
    for (int32_t b = 0; s != 0 && b < SCP_FP_BITS; b++)
        if (bits[b]) at[n] = b, value[n++] = s;
    if (s != 0) at[n] = SCP_FP_BITS, value[n++] = s;
    if (line) at[n] = SCP_FP_BITS + 1 + d->p_line[p], value[n++] = 1;
    return n;
}

static bool trains(const scp_dataset *d, size_t pair)
{
    return d->split[pair] == SCP_SPLIT_TRAIN;
}

/* A and the means of the inputs. */
static void normal_matrix(fit *f)
{
    int32_t at[MAX_INPUTS];
    double value[MAX_INPUTS], *mean = f->in_mean, n_train = (double)f->n_train;
    for (size_t pair = 0; pair < f->d->N; pair++) {
        if (!trains(f->d, pair)) continue;
        size_t n = inputs(f->d, f->cfg->line, (int32_t)pair, at, value);
        for (size_t i = 0; i < n; i++) {
            double *row = f->A + (size_t)at[i] * f->F;
            mean[at[i]] += value[i] / n_train;
            for (size_t j = 0; j < n; j++) row[at[j]] += value[i] * value[j];
        }
    }
    for (size_t i = 0; i < f->F; i++)
        for (size_t j = 0; j < f->F; j++) f->A[i * f->F + j] -= n_train * mean[i] * mean[j];
}

static scp_status factor(fit *f, double lambda)
{
    memcpy(f->L, f->A, f->F * f->F * sizeof *f->L);
    for (size_t i = 0; i < f->F; i++) f->L[i * f->F + i] += (double)f->n_train * lambda;
    return scp_linalg_cholesky(f->L, (int64_t)f->F);
}

/* The validation pairs through every inverse: predictions of a tile are then one product. */
static scp_status prepare_choice(fit *f)
{
    int32_t at[MAX_INPUTS];
    double value[MAX_INPUTS];
    for (size_t k = 0; k < f->cfg->lambda.n; k++) {
        double *V = f->V + k * f->F * f->n_val;
        for (size_t i = 0; i < f->F; i++)
            for (size_t v = 0; v < f->n_val; v++) V[i * f->n_val + v] = -f->in_mean[i];
        for (size_t v = 0; v < f->n_val; v++) {
            size_t n = inputs(f->d, f->cfg->line, f->val[v], at, value);
            for (size_t i = 0; i < n; i++) V[(size_t)at[i] * f->n_val + v] += value[i];
        }
        SCP_TRY(factor(f, f->cfg->lambda.v[k]));
        scp_linalg_solve(f->L, (int64_t)f->F, V, (int64_t)f->n_val);
    }
    return SCP_OK;
}

/* Working memory of one thread. */
typedef struct tile {
    size_t g, n; /* genes [g, g + n)                                    */
    double *sum; /* [labels + lines, n] summed changes                  */
    double *B;   /* [F, n] U'Y, centred                                 */
    double *x;   /* [n_val, n] predicted changes less their mean        */
} tile;

static scp_status tile_alloc(const fit *f, tile *t)
{
    *t = (tile){ 0 };
    SCP_TRY(scp_alloc((f->labels.n + f->d->n_lines) * TILE, sizeof *t->sum, &t->sum));
    SCP_TRY(scp_alloc(f->F * TILE, sizeof *t->B, &t->B));
    return scp_alloc(f->n_val * TILE, sizeof *t->x, &t->x);
}

static void tile_free(tile *t)
{
    free(t->sum);
    free(t->B);
    free(t->x);
}

/* Sums of the change by treatment and by line, and its mean. */
static void sum_changes(const fit *f, const tile *t)
{
    const scp_dataset *d = f->d;
    memset(t->sum, 0, (f->labels.n + d->n_lines) * t->n * sizeof *t->sum);
    memset(f->out_mean + t->g, 0, t->n * sizeof *f->out_mean);
    for (size_t pair = 0; pair < d->N; pair++) {
        if (!trains(d, pair)) continue;
        const float *post = d->x + (size_t)d->post[pair] * d->G + t->g,
                    *pre = d->x + (size_t)d->pre[pair] * d->G + t->g;
        size_t line = f->labels.n + (size_t)d->p_line[d->post[pair]];
        double *label_sum = t->sum + (size_t)f->labels.of_pair[pair] * t->n,
               *line_sum = t->sum + line * t->n;
        for (size_t i = 0; i < t->n; i++) {
            double change = (double)post[i] - pre[i];
            label_sum[i] += change;
            line_sum[i] += change;
        }
    }
    for (size_t l = 0; l < d->n_lines; l++)
        for (size_t i = 0; i < t->n; i++)
            f->out_mean[t->g + i] += t->sum[(f->labels.n + l) * t->n + i] / (double)f->n_train;
}

static void add_scaled(double *y, double a, const double *x, size_t n)
{
    for (size_t i = 0; i < n; i++) y[i] += a * x[i];
}

/* B of the tile: B_f = sum over pairs of u_f y, less n mean(u_f) mean(y). */
static void right_side(const fit *f, const tile *t)
{
    const scp_dataset *d = f->d;
    sum_changes(f, t);
    for (size_t i = 0; i < f->F; i++)
        for (size_t g = 0; g < t->n; g++)
            t->B[i * t->n + g] = -(double)f->n_train * f->in_mean[i] * f->out_mean[t->g + g];
    for (size_t l = 0; l < f->labels.n; l++) {
        const uint8_t *bits = d->fp + (size_t)f->labels.drug[l] * SCP_FP_BITS;
        const double *sum = t->sum + l * t->n, s = f->labels.scale[l];
        for (size_t b = 0; b < SCP_FP_BITS; b++)
            if (bits[b]) add_scaled(t->B + b * t->n, s, sum, t->n);
        add_scaled(t->B + SCP_FP_BITS * t->n, s, sum, t->n);
    }
    for (size_t l = 0; f->cfg->line && l < d->n_lines; l++)
        add_scaled(t->B + (SCP_FP_BITS + 1 + l) * t->n, 1, t->sum + (f->labels.n + l) * t->n, t->n);
}

/* Squared error of the validation pairs on the tile's genes, for every lambda. */
static void try_lambdas(const fit *f, const tile *t)
{
    const scp_dataset *d = f->d;
    double *error = f->error + t->g / TILE * f->cfg->lambda.n;
    right_side(f, t);
    for (size_t k = 0; k < f->cfg->lambda.n; k++) {
        scp_linalg_multiply_tn((int64_t)f->n_val, (int64_t)t->n, (int64_t)f->F,
                               f->V + k * f->F * f->n_val, t->B, t->x);
        for (size_t v = 0; v < f->n_val; v++) {
            const float *post = d->x + (size_t)d->post[f->val[v]] * d->G + t->g,
                        *pre = d->x + (size_t)d->pre[f->val[v]] * d->G + t->g;
            for (size_t i = 0; i < t->n; i++) {
                double x = pre[i] + f->out_mean[t->g + i] + t->x[v * t->n + i];
                error[k] += pow(fmax(0, x) - post[i], 2);
            }
        }
    }
}

/* Do something with every tile of this rank's share. */
static scp_status each_tile(const fit *f, const scp_comm *comm,
                            void (*work)(const fit *, const tile *))
{
    size_t begin, end;
    bool failed = false;
    scp_comm_share(comm, (f->d->G + TILE - 1) / TILE, &begin, &end);
#pragma omp parallel
    {
        tile t;
        bool ready = tile_alloc(f, &t) == SCP_OK;
        if (!ready) {
#pragma omp atomic write
            failed = true;
        }
#pragma omp for schedule(dynamic)
        for (size_t i = begin; i < end; i++) {
            t.g = i * TILE;
            t.n = f->d->G - t.g < TILE ? f->d->G - t.g : TILE;
            if (ready) work(f, &t);
        }
        tile_free(&t);
    }
    if (failed) SCP_FAIL(SCP_ENOMEM, "no memory for the tiles of a ridge regression");
    return SCP_OK;
}

static scp_status allocate(fit *f)
{
    const scp_dataset *d = f->d;
    size_t tiles = (d->G + TILE - 1) / TILE;
    for (size_t i = 0; i < d->N; i++) f->n_train += trains(d, i);
    if (!f->n_train) SCP_FAIL(SCP_EDATA, "ridge: the shard has no training pair");
    if (!f->cfg->lambda.n) SCP_FAIL(SCP_EUSAGE, "baseline.lambda must not be empty");
    f->F = f->r->F = SCP_FP_BITS + 1 + (f->cfg->line ? d->n_lines : 0);
    SCP_TRY(scp_drug_labels_init(d, &f->labels));
    SCP_TRY(scp_alloc(f->F * f->F, sizeof *f->A, &f->A));
    SCP_TRY(scp_alloc(f->F * f->F, sizeof *f->L, &f->L));
    SCP_TRY(scp_alloc(f->cfg->lambda.n * f->F * f->n_val, sizeof *f->V, &f->V));
    SCP_TRY(scp_alloc(tiles * f->cfg->lambda.n, sizeof *f->error, &f->error));
    SCP_TRY(scp_alloc(f->F * d->G, sizeof *f->r->W, &f->r->W));
    SCP_TRY(scp_alloc(d->G, sizeof *f->r->base, &f->r->base));
    SCP_TRY(scp_alloc(f->F, sizeof *f->in_mean, &f->in_mean));
    return scp_alloc(d->G, sizeof *f->out_mean, &f->out_mean);
}

/* The lambda of the least error; each tile's error was found on one rank and is 0 elsewhere. */
static scp_status choose(fit *f, scp_comm *comm)
{
    size_t tiles = (f->d->G + TILE - 1) / TILE, best = f->cfg->lambda.n / 2;
    double least = INFINITY;
    f->r->mse = NAN;
    f->r->lambda = f->cfg->lambda.v[best];
    if (!f->n_val) return SCP_OK;
    scp_status st = prepare_choice(f);
    if (st == SCP_OK) st = each_tile(f, comm, try_lambdas);
    SCP_TRY(scp_agree(comm, st));
    SCP_TRY(
        scp_comm_allreduce(comm, f->error, tiles * f->cfg->lambda.n, SCP_COMM_F64, SCP_COMM_SUM));
    for (size_t k = 0; k < f->cfg->lambda.n; k++) {
        double sum = 0;
        for (size_t i = 0; i < tiles; i++) sum += f->error[i * f->cfg->lambda.n + k];
        if (!(sum < least)) continue;
        least = sum;
        f->r->lambda = f->cfg->lambda.v[k];
        f->r->mse = sum / (double)(f->n_val * f->d->G);
    }
    return SCP_OK;
}

/* W and base of the tile's genes; + 0.0 leaves no negative zero, which a sum over ranks would not
 * keep. */
static void solve(const fit *f, const tile *t)
{
    right_side(f, t);
    scp_linalg_solve(f->L, (int64_t)f->F, t->B, (int64_t)t->n);
    memcpy(f->r->base + t->g, f->out_mean + t->g, t->n * sizeof *f->r->base);
    for (size_t i = 0; i < f->F; i++) {
        for (size_t g = 0; g < t->n; g++)
            f->r->W[i * f->d->G + t->g + g] = (float)(t->B[i * t->n + g] + 0.0);
        add_scaled(f->r->base + t->g, -f->in_mean[i], t->B + i * t->n, t->n);
    }
}

scp_status scp_ridge_fit(scp_comm *comm, const scp_dataset *d, const scp_baseline_config *cfg,
                         const int32_t *val, size_t n_val, scp_ridge *out)
{
    fit f = { .d = d, .cfg = cfg, .val = val, .n_val = n_val, .r = out };
    *out = (scp_ridge){ .d = d, .G = d->G };
    scp_status st = allocate(&f);
    if (st == SCP_OK) normal_matrix(&f);
    SCP_GOTO(done, scp_agree(comm, st));
    SCP_GOTO(done, choose(&f, comm));
    st = factor(&f, out->lambda);
    if (st == SCP_OK) st = each_tile(&f, comm, solve);
    SCP_GOTO(done, scp_agree(comm, st));
    /* Every column was set on one rank and is 0 on the others: the sums are exact. */
    SCP_GOTO(done, scp_comm_allreduce(comm, out->base, out->G, SCP_COMM_F64, SCP_COMM_SUM));
    SCP_GOTO(done, scp_comm_allreduce(comm, out->W, out->F * out->G, SCP_COMM_F32, SCP_COMM_SUM));
done:
    scp_drug_labels_fini(&f.labels);
    free(f.in_mean);
    free(f.out_mean);
    free(f.A);
    free(f.L);
    free(f.V);
    free(f.error);
    if (st != SCP_OK) scp_ridge_fini(out);
    return st;
}

void scp_ridge_fini(scp_ridge *r)
{
    free(r->W);
    free(r->base);
    *r = (scp_ridge){ 0 };
}

static void predict(const scp_ridge *r, int32_t pair, double *sum, float *out)
{
    int32_t at[MAX_INPUTS];
    double value[MAX_INPUTS];
    const float *pre = r->d->x + (size_t)r->d->pre[pair] * r->G;
    size_t n = inputs(r->d, r->F > SCP_FP_BITS + 1, pair, at, value);
    memcpy(sum, r->base, r->G * sizeof *sum);
    for (size_t i = 0; i < n; i++)
        for (size_t g = 0; g < r->G; g++) sum[g] += value[i] * r->W[(size_t)at[i] * r->G + g];
    for (size_t g = 0; g < r->G; g++) out[g] = (float)(pre[g] + sum[g]);
}

scp_status scp_ridge_fill(void *ctx, const int32_t *rows, size_t n, float *out)
{
    const scp_ridge *r = ctx;
    double *sum = NULL;
    SCP_TRY(scp_alloc(r->G, sizeof *sum, &sum));
    for (size_t i = 0; i < n; i++) predict(r, rows[i], sum, out + i * r->G);
    free(sum);
    return SCP_OK;
}

scp_status scp_ridge_add(scp_ckpt_writer *w, const scp_ridge *r)
{
    SCP_TRY(scp_ckpt_add_real(w, "ridge/lambda", r->lambda));
    SCP_TRY(scp_ckpt_add_real(w, "ridge/mse", r->mse));
    SCP_TRY(scp_ckpt_add_f64(w, "ridge/base", r->base, r->G));
    return scp_ckpt_add_f32(w, "ridge/W", r->W, r->F * r->G);
}

static scp_status read(const scp_ckpt *c, scp_ridge *r)
{
    SCP_TRY(scp_alloc(r->F * r->G, sizeof *r->W, &r->W));
    SCP_TRY(scp_alloc(r->G, sizeof *r->base, &r->base));
    SCP_TRY(scp_ckpt_get_real(c, "ridge/lambda", &r->lambda));
    SCP_TRY(scp_ckpt_get_real(c, "ridge/mse", &r->mse));
    SCP_TRY(scp_ckpt_get_f64(c, "ridge/base", r->base, r->G));
    return scp_ckpt_get_f32(c, "ridge/W", r->W, r->F * r->G);
}

scp_status scp_ridge_get(const scp_ckpt *c, const scp_dataset *d, scp_ridge *out)
{
    size_t length;
    *out = (scp_ridge){ .d = d, .G = d->G };
    SCP_TRY(scp_ckpt_length(c, "ridge/W", &length));
    out->F = length / d->G;
    if (length % d->G || (out->F != SCP_FP_BITS + 1 && out->F != SCP_FP_BITS + 1 + d->n_lines))
        SCP_FAIL(SCP_EDATA, "%s was fitted to other genes or cell lines than those here",
                 scp_ckpt_path(c));
    scp_status st = read(c, out);
    if (st != SCP_OK) scp_ridge_fini(out);
    return st;
}
