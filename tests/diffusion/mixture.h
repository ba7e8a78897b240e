/* A Gaussian mixture seen through the forward process: the score, the noise and the posterior mean
 * of a perfect network are known at every noise level. */
#ifndef SCP_TESTS_DIFFUSION_MIXTURE_H
#define SCP_TESTS_DIFFUSION_MIXTURE_H

#include <stdbool.h>

enum { MIXTURE_MAX = 4, MIXTURE_DIM = 2 };

/* Clean data: sum_k weight_k N(mean_k, sd_k^2 I) in `dim` dimensions; weights sum to 1. */
typedef struct mixture {
    int n, dim;
    double weight[MIXTURE_MAX], sd[MIXTURE_MAX], mean[MIXTURE_MAX][MIXTURE_DIM];
} mixture;

/** log p_t(z), z_t = a z_0 + b eps. */
double mixture_log_density(const mixture *m, double a, double b, const double *z);
/** The perfect noise prediction -b grad log p_t(z) [paper eq. 19]: eps [dim]. */
void mixture_noise(const mixture *m, double a, double b, const double *z, double *eps);
/** E[z_0 | z_t = z] component by component, without the score: mean [dim]. */
void mixture_posterior_mean(const mixture *m, double a, double b, const double *z, double *mean);
/** The components k with keep[k], with their weights normalised. */
mixture mixture_part(const mixture *m, const bool *keep);

#endif
