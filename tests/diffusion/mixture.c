/* See mixture.h. */
#include "diffusion/mixture.h"

#include <math.h>

/* Variance of component k at the level (a, b), and log of its share of the density at z. */
static double component(const mixture *m, int k, double a, double b, const double *z, double *var)
{
    double distance = 0;
    *var = a * a * m->sd[k] * m->sd[k] + b * b;
    for (int i = 0; i < m->dim; i++) distance += pow(z[i] - a * m->mean[k][i], 2);
    return log(m->weight[k]) - 0.5 * distance / *var - 0.5 * m->dim * log(2 * M_PI * *var);
}

/* Shares of the components at z; returns the log density. */
static double shares(const mixture *m, double a, double b, const double *z, double *share,
                     double *var)
{
    double most = -INFINITY, sum = 0;
    for (int k = 0; k < m->n; k++) {
        share[k] = component(m, k, a, b, z, &var[k]);
        most = fmax(most, share[k]);
    }
    for (int k = 0; k < m->n; k++) sum += share[k] = exp(share[k] - most);
    for (int k = 0; k < m->n; k++) share[k] /= sum;
    return most + log(sum);
}

double mixture_log_density(const mixture *m, double a, double b, const double *z)
{
    double share[MIXTURE_MAX], var[MIXTURE_MAX];
    return shares(m, a, b, z, share, var);
}

void mixture_noise(const mixture *m, double a, double b, const double *z, double *eps)
{
    double share[MIXTURE_MAX], var[MIXTURE_MAX];
    shares(m, a, b, z, share, var);
    for (int i = 0; i < m->dim; i++) {
        eps[i] = 0;
        for (int k = 0; k < m->n; k++) eps[i] += share[k] * b * (z[i] - a * m->mean[k][i]) / var[k];
    }
}

void mixture_posterior_mean(const mixture *m, double a, double b, const double *z, double *mean)
{
    double share[MIXTURE_MAX], var[MIXTURE_MAX];
    shares(m, a, b, z, share, var);
    for (int i = 0; i < m->dim; i++) {
        mean[i] = 0;
        for (int k = 0; k < m->n; k++) {
            double gain = a * m->sd[k] * m->sd[k] / var[k]; /* Kalman gain of one component */
            mean[i] += share[k] * (m->mean[k][i] + gain * (z[i] - a * m->mean[k][i]));
        }
    }
}

mixture mixture_part(const mixture *m, const bool *keep)
{
    mixture part = { .dim = m->dim };
    double sum = 0;
    for (int k = 0; k < m->n; k++) {
        if (!keep[k]) continue;
        part.weight[part.n] = m->weight[k];
        part.sd[part.n] = m->sd[k];
        for (int i = 0; i < m->dim; i++) part.mean[part.n][i] = m->mean[k][i];
        sum += m->weight[k];
        part.n++;
    }
    for (int k = 0; k < part.n; k++) part.weight[k] /= sum;
    return part;
}
