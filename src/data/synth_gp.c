/* Gaussian process over drugs: covariance, draws, kriging. In double precision, by a Cholesky
 * factor; drugs are hundreds. */
#include "data/synth_gp.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"

static const double jitter = 1e-10; /* twins at s = 1 have one row */

void scp_synth_gp_kernel(const uint8_t *bits, size_t n, size_t width, double s, double *k)
{
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j <= i; j++) {
            const uint8_t *a = bits + i * width, *b = bits + j * width;
            size_t both = 0, either = 0;
            for (size_t w = 0; w < width; w++) {
                both += a[w] & b[w];
                either += a[w] | b[w];
            }
            double t = either ? (double)both / (double)either : 0.0;
            k[i * n + j] = k[j * n + i] = i == j ? 1.0 : s * t;
        }
}

scp_status scp_synth_cholesky(double *a, size_t n)
{
    for (size_t j = 0; j < n; j++)
        for (size_t i = j; i < n; i++) {
            double sum = a[i * n + j];
            for (size_t l = 0; l < j; l++) sum -= a[i * n + l] * a[j * n + l];
            if (i > j)
                a[i * n + j] = sum / a[j * n + j];
            else if (sum > 0.0)
                a[j * n + j] = sqrt(sum);
            else
                SCP_FAIL(SCP_EDATA, "a matrix of %zu rows is not positive definite at row %zu", n,
                         j);
        }
    return SCP_OK;
}

/* x [n]: solve L L^T x = x. */
static void solve(const double *l, size_t n, double *x)
{
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < i; j++) x[i] -= l[i * n + j] * x[j];
        x[i] /= l[i * n + i];
    }
    for (size_t i = n; i-- > 0;) {
        for (size_t j = i + 1; j < n; j++) x[i] -= l[j * n + i] * x[j];
        x[i] /= l[i * n + i];
    }
}

/* Factor of the rows of k that `row` [m] names. *out [m, m] owned by the caller. */
static scp_status factor(const double *k, size_t n, const size_t *row, size_t m, double **out)
{
    double *l;
    SCP_TRY(scp_alloc(m * m, sizeof *l, &l));
    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j < m; j++)
            l[i * m + j] = k[row[i] * n + row[j]] + (i == j ? jitter : 0.0);
    scp_status st = scp_synth_cholesky(l, m);
    if (st != SCP_OK) {
        free(l);
        l = NULL;
    }
    *out = l;
    SCP_TRY(st);
    return SCP_OK;
}

scp_status scp_synth_gp_draw(const double *k, size_t n, double *x, size_t p)
{
    scp_status st = SCP_OK;
    size_t *row = NULL;
    double *l = NULL;
    SCP_ARG(k && x, "covariance and draws are required");
    SCP_GOTO(done, scp_alloc(n, sizeof *row, &row));
    for (size_t i = 0; i < n; i++) row[i] = i;
    SCP_GOTO(done, factor(k, n, row, n, &l));
    for (size_t i = n; i-- > 0;)
        for (size_t q = 0; q < p; q++) {
            double sum = 0.0;
            for (size_t j = 0; j <= i; j++) sum += l[i * n + j] * x[j * p + q];
            x[i * p + q] = sum;
        }
done:
    free(row);
    free(l);
    return st;
}

/* What solving for many right sides needs. */
typedef struct known {
    const double *k, *y;
    size_t n, p, m; /* drugs, programmes, drugs that are known */
    size_t *row;    /* [m] */
    double *l;      /* [m, m] */
    double *weight; /* [m] scratch */
} known;

/* Prediction of drug i, which is not known: weights w = K^-1 k_i. */
static void predict(const known *t, size_t i, double *mean, double *variance)
{
    for (size_t a = 0; a < t->m; a++) t->weight[a] = t->k[i * t->n + t->row[a]];
    solve(t->l, t->m, t->weight);
    *variance = t->k[i * t->n + i];
    for (size_t q = 0; q < t->p; q++) mean[q] = 0.0;
    for (size_t a = 0; a < t->m; a++) {
        *variance -= t->weight[a] * t->k[i * t->n + t->row[a]];
        for (size_t q = 0; q < t->p; q++) mean[q] += t->weight[a] * t->y[t->row[a] * t->p + q];
    }
}

/* Prediction of a known drug from the other known ones, by row a of the inverse B of their
 * covariance: mean y_a - (B y)_a / B_aa, variance 1 / B_aa (the same book, section 5.4.2). */
static void leave_out(const known *t, size_t a, double *mean, double *variance)
{
    memset(t->weight, 0, t->m * sizeof *t->weight);
    t->weight[a] = 1.0;
    solve(t->l, t->m, t->weight);
    *variance = 1.0 / t->weight[a];
    for (size_t q = 0; q < t->p; q++) {
        double sum = 0.0;
        for (size_t b = 0; b < t->m; b++) sum += t->weight[b] * t->y[t->row[b] * t->p + q];
        mean[q] = t->y[t->row[a] * t->p + q] - sum * *variance;
    }
}

scp_status scp_synth_krige(const double *k, size_t n, const uint8_t *held, const double *y,
                           size_t p, double *mean, double *variance)
{
    scp_status st = SCP_OK;
    known t = { .k = k, .y = y, .n = n, .p = p };
    SCP_ARG(k && y && mean && variance, "covariance, effects and results are required");
    SCP_GOTO(done, scp_alloc(n, sizeof *t.row, &t.row));
    SCP_GOTO(done, scp_alloc(n, sizeof *t.weight, &t.weight));
    for (size_t i = 0; i < n; i++)
        if (!held || !held[i]) t.row[t.m++] = i;
    if (t.m < 2) SCP_FAIL_GOTO(done, SCP_EDATA, "%zu of %zu drugs are left to learn from", t.m, n);
    SCP_GOTO(done, factor(k, n, t.row, t.m, &t.l));
    for (size_t i = 0, a = 0; i < n; i++) {
        if (held && held[i])
            predict(&t, i, mean + i * p, &variance[i]);
        else
            leave_out(&t, a++, mean + i * p, &variance[i]);
    }
done:
    free(t.row);
    free(t.weight);
    free(t.l);
    return st;
}
