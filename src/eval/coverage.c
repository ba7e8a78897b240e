/* Coverage of prediction intervals, see coverage.h. */
#include "eval/coverage.h"

#include <math.h>

#include <gsl/gsl_cdf.h>

const double scp_coverage_level[SCP_COVERAGE_LEVELS] = { 0.5, 0.8, 0.9, 0.95 };

/* Sub-bulks [first, end) of one profile, which lie side by side. */
static size_t run_end(const scp_dataset *d, size_t first)
{
    size_t end = first + 1;
    while (end < d->R && d->r_profile[end] == d->r_profile[first]) end++;
    return end;
}

/* Weighted squares of one profile's sub-bulks about their mean: an unbiased estimate of (n - 1) v,
 * since a sub-bulk of m cells has the variance v / m. */
static double squares(const scp_dataset *d, size_t first, size_t end, size_t g)
{
    double cells = 0, mean = 0, sum = 0;
    for (size_t r = first; r < end; r++) {
        cells += (double)d->r_cells[r];
        mean += (double)d->r_cells[r] * d->r_x[r * d->G + g];
    }
    mean /= cells;
    for (size_t r = first; r < end; r++) {
        double off = d->r_x[r * d->G + g] - mean;
        sum += (double)d->r_cells[r] * off * off;
    }
    return sum;
}

void scp_coverage_noise(const scp_dataset *d, double *v)
{
    double freedom = 0;
    for (size_t g = 0; g < d->G; g++) v[g] = 0;
    for (size_t first = 0, end; first < d->R; first = end) {
        end = run_end(d, first);
        if (end - first < 2) continue;
        freedom += (double)(end - first - 1);
        for (size_t g = 0; g < d->G; g++) v[g] += squares(d, first, end, g);
    }
    for (size_t g = 0; g < d->G; g++) v[g] = freedom > 0 ? v[g] / freedom : NAN;
}

/* Into how many of the intervals, from the widest inwards, does a value at this distance fall? */
static void count(int64_t inside[SCP_COVERAGE_LEVELS], double distance, double s, const double *t)
{
    for (int k = 0; k < SCP_COVERAGE_LEVELS; k++) inside[k] += distance <= t[k] * s;
}

void scp_coverage_add(scp_coverage *c, const scp_dataset *d, int32_t pair, const float *x,
                      const float *sd, const double *v, double expressed)
{
    const float *post = d->x + (size_t)d->post[pair] * d->G,
                *pre = d->x + (size_t)d->pre[pair] * d->G;
    const double cells = (double)d->p_cells[d->post[pair]];
    double t[SCP_COVERAGE_LEVELS];
    for (int k = 0; k < SCP_COVERAGE_LEVELS; k++)
        t[k] = gsl_cdf_tdist_Pinv((1 + scp_coverage_level[k]) / 2, (double)(c->samples - 1));
    for (size_t g = 0; g < d->G; g++) {
        const double at = x[g] > 0 ? x[g] : 0, distance = fabs(post[g] - at),
                     noise = cells > 0 ? v[g] / cells : NAN,
                     with_noise = sqrt((double)sd[g] * sd[g] + noise);
        for (int set = SCP_COVERAGE_ALL; set < SCP_COVERAGE_GENES; set++) {
            if (set == SCP_COVERAGE_EXPRESSED && !(pre[g] > expressed)) continue;
            c->n[set]++;
            count(c->draws[set], distance, sd[g], t);
            if (isnan(noise)) continue;
            c->n_noise[set]++;
            count(c->noise[set], distance, with_noise, t);
        }
    }
}

scp_status scp_coverage_sum(scp_coverage *c, scp_comm *comm)
{
    SCP_TRY(scp_comm_allreduce(comm, c->n, SCP_COVERAGE_GENES, SCP_COMM_I64, SCP_COMM_SUM));
    SCP_TRY(scp_comm_allreduce(comm, c->n_noise, SCP_COVERAGE_GENES, SCP_COMM_I64, SCP_COMM_SUM));
    SCP_TRY(scp_comm_allreduce(comm, c->draws, SCP_COVERAGE_GENES * SCP_COVERAGE_LEVELS,
                               SCP_COMM_I64, SCP_COMM_SUM));
    return scp_comm_allreduce(comm, c->noise, SCP_COVERAGE_GENES * SCP_COVERAGE_LEVELS,
                              SCP_COMM_I64, SCP_COMM_SUM);
}

double scp_coverage_share(const scp_coverage *c, scp_coverage_genes genes, int level, bool noise)
{
    const int64_t n = noise ? c->n_noise[genes] : c->n[genes],
                  inside = noise ? c->noise[genes][level] : c->draws[genes][level];
    return n ? (double)inside / (double)n : NAN;
}
