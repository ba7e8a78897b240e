/* Moments of normalised counts by summation over counts and library sizes, kept as a table that is
 * smooth in the logarithms of share and depth: mean and variance are tabulated as multiples of the
 * share. */
#include "data/synth_moments.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"

enum { SHARES = 231, DEPTHS = 9, NODES = 17, LARGE_NODES = 65 };

static const double log_share_min = -23.0, log_share_step = 0.1; /* to 1 */
static const double node_range = 4.0, large_range = 8.0;         /* standard deviations */
static const double large_mean = 64.0, least = 1e-14;
static const double scale_to = 1e4; /* of a library */

struct scp_synth_moments {
    double captured, dispersion, depth; /* of the plan */
    double squares;                     /* mean over lines of the sum of squared shares */
    double log_depth_min, log_depth_step;
    size_t nodes;
    double size[2 * NODES], weight[2 * NODES];            /* library sizes at depth 1 */
    float mean[DEPTHS][SHARES], variance[DEPTHS][SHARES]; /* over share */
};

/* Library sizes and how often they occur: a log-normal, and its tail of large cells. */
static void place_nodes(const scp_synth_design *d, scp_synth_moments *m)
{
    const scp_synth_library *l = &scp_synth_library_sizes;
    double sd = d->cfg.library_sd, step = 2.0 * node_range / (NODES - 1), total = 0.0;
    if (sd <= 0.0) {
        m->nodes = 1;
        m->size[0] = l->median;
        m->weight[0] = 1.0;
        return;
    }
    for (int part = 0; part < 2; part++)
        for (int i = 0; i < NODES; i++) {
            double z = -node_range + step * i;
            double log_size = part ? l->large_mean + hypot(sd, l->large_sd) * z : sd * z;
            log_size += log(l->median) - l->shift;
            m->size[m->nodes] = fmin(fmax(exp(log_size), l->min), l->max);
            m->weight[m->nodes] =
                exp(-0.5 * z * z) * (part ? l->large_share : 1.0 - l->large_share);
            total += m->weight[m->nodes++];
        }
    for (size_t i = 0; i < m->nodes; i++) m->weight[i] /= total;
}

/* Expected value of a count x when the other counts have mean `rest` and variance `var`: of
 * log(1 + s x / (x + rest)), with its curvature in the library. */
static double value_of(double x, double rest, double var)
{
    double lib = x + rest, s = scale_to * x;
    double curvature = s * (2.0 * lib + s) / (lib * lib * (lib + s) * (lib + s));
    return log1p(s / lib) + 0.5 * var * curvature;
}

/* What is summed over the counts of a gene: the other counts, and two moments of the value. */
typedef struct sums {
    double rest, var, first, second;
} sums;

static void add_value(sums *s, double x, double p)
{
    double v = value_of(x, s->rest, s->var);
    s->first += p * v;
    s->second += p * v * v;
}

/* Counts of mean mu one by one: gamma-Poisson by its recursion. */
static void sum_small(sums *s, double mu, double a)
{
    double p = a > 0.0 ? pow(1.0 + a * mu, -1.0 / a) : exp(-mu);
    for (double x = 0.0; x <= mu || p > least * fmin(mu, 1.0); x += 1.0) {
        if (x > 0.0) add_value(s, x, p);
        p *= mu * (1.0 + a * x) / ((x + 1.0) * (1.0 + a * mu));
    }
}

/* Large counts: a gamma variable of the same mean and variance, in steps of its logarithm. */
static void sum_large(sums *s, double mu, double a)
{
    double shape = 1.0 / (a + 1.0 / mu), step = 2.0 * large_range / (LARGE_NODES - 1) / sqrt(shape);
    double weight[LARGE_NODES], total = 0.0;
    for (int i = 0; i < LARGE_NODES; i++) {
        double log_t = step * (i - (LARGE_NODES - 1) / 2);
        weight[i] = exp(shape * (log_t - expm1(log_t)));
        total += weight[i];
    }
    for (int i = 0; i < LARGE_NODES; i++)
        add_value(s, mu * exp(step * (i - (LARGE_NODES - 1) / 2)), weight[i] / total);
}

/* Add weight x the first two moments of cells of expected size `size` for a gene of this share. */
static void add_cells(const scp_synth_moments *m, double size, double share, double weight,
                      double *first, double *second)
{
    double mu = size * share, a = m->dispersion;
    sums s = { .rest = fmax(size * m->captured - mu, 1.0) };
    s.var = s.rest + a * size * size * fmax(m->squares - share * share, 0.0);
    if (mu > large_mean)
        sum_large(&s, mu, a);
    else
        sum_small(&s, mu, a);
    *first += weight * s.first;
    *second += weight * s.second;
}

static void tabulate(scp_synth_moments *m, size_t row)
{
    double depth = exp(m->log_depth_min + m->log_depth_step * (double)row) * m->depth;
    for (size_t i = 0; i < SHARES; i++) {
        double share = exp(log_share_min + log_share_step * (double)i), first = 0.0, second = 0.0;
        for (size_t k = 0; k < m->nodes; k++)
            add_cells(m, m->size[k] * depth, share, m->weight[k], &first, &second);
        m->mean[row][i] = (float)(first / share);
        m->variance[row][i] = (float)((second - first * first) / share);
    }
}

static void measure(const scp_synth_design *d, scp_synth_moments *m)
{
    double low = HUGE_VAL, high = 0.0;
    for (size_t p = 0; p < d->n_plates; p++)
        for (size_t w = 0; w < SCP_SYNTH_WELLS; w++) {
            if (d->plate[p].well[w].drug == SCP_SYNTH_EMPTY) continue;
            low = fmin(low, d->plate[p].well[w].depth);
            high = fmax(high, d->plate[p].well[w].depth);
        }
    m->log_depth_min = log(low);
    m->log_depth_step = fmax(log(high / low), 1e-6) / (DEPTHS - 1);
    m->captured = d->captured;
    m->dispersion = d->cfg.dispersion;
    m->depth = d->cfg.depth;
    for (size_t i = 0; i < d->C * d->G; i++) {
        double share = exp((double)d->line_log[i]);
        m->squares += share * share / (double)d->C;
    }
}

scp_status scp_synth_moments_create(const scp_synth_design *d, scp_synth_moments **out)
{
    scp_synth_moments *m = NULL;
    SCP_ARG(d && out && d->n_plates > 0, "a plan with plates, and a result are required");
    SCP_TRY(scp_alloc(1, sizeof *m, &m));
    measure(d, m);
    place_nodes(d, m);
    for (size_t row = 0; row < DEPTHS; row++) tabulate(m, row);
    *out = m;
    return SCP_OK;
}

void scp_synth_moments_destroy(scp_synth_moments **m)
{
    if (!m) return;
    free(*m);
    *m = NULL;
}

/* Position x in a table of n entries: its entry, and how far behind it. */
static size_t locate(double x, size_t n, float *part)
{
    x = fmin(fmax(x, 0.0), (double)(n - 1));
    size_t at = (size_t)x < n - 2 ? (size_t)x : n - 2;
    *part = (float)(x - (double)at);
    return at;
}

void scp_synth_moments_get(const scp_synth_moments *m, double depth, const float *rate, size_t n,
                           float *mean, float *variance)
{
    float part, own[2][SHARES];
    size_t row = locate((log(depth) - m->log_depth_min) / m->log_depth_step, DEPTHS, &part);
    for (size_t i = 0; i < SHARES; i++) {
        own[0][i] = m->mean[row][i] + part * (m->mean[row + 1][i] - m->mean[row][i]);
        own[1][i] = m->variance[row][i] + part * (m->variance[row + 1][i] - m->variance[row][i]);
    }
    const float scale = (float)(1.0 / log_share_step),
                zero = (float)(-log_share_min / log_share_step);
    for (size_t g = 0; g < n; g++) {
        mean[g] = variance[g] = 0.0f;
        if (rate[g] <= 0.0f) continue;
        size_t at = locate((double)(logf(rate[g]) * scale + zero), SHARES, &part);
        mean[g] = rate[g] * (own[0][at] + part * (own[0][at + 1] - own[0][at]));
        variance[g] = rate[g] * (own[1][at] + part * (own[1][at + 1] - own[1][at]));
    }
}
