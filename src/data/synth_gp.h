/* Effects as a Gaussian process over structures, and what is the best that can be predicted of
 * them. Private to the generator and its tests. Not collective.
 *
 * Programme p of drug i: f_p(i) with covariance K = s T + (1 - s) I between drugs, T the Tanimoto
 * similarity of their fingerprints. Given the effects of some drugs, the mean square error of any
 * prediction of another is at least its kriging variance, which the kriging mean attains
 * (Rasmussen and Williams, Gaussian Processes for Machine Learning, 2006, section 2.2). */
#ifndef SCP_DATA_SYNTH_GP_H
#define SCP_DATA_SYNTH_GP_H

#include "data/synth_design.h"

/** Covariance of n drugs: bits [n, width] of zeros and ones, share s in [0, 1]; a row without a bit
 *  is like no other. k [n, n] owned by the caller, its diagonal 1. */
void scp_synth_gp_kernel(const uint8_t *bits, size_t n, size_t width, double s, double *k);

/** Cholesky factor of a [n, n] in its lower triangle: a = L L^T. SCP_EDATA when a is not positive
 *  definite. */
scp_status scp_synth_cholesky(double *a, size_t n) SCP_MUST_USE;

/** Turn independent standard normals x [n, p] into draws of the process: x = L x. k is kept. */
scp_status scp_synth_gp_draw(const double *k, size_t n, double *x, size_t p) SCP_MUST_USE;

/** Best prediction of y [n, p], of mean zero, at every drug from the other ones that are not held
 *  out: mean [n, p] and variance [n] of the error of each programme, owned by the caller. held [n],
 *  NULL: none (each from all others). SCP_EDATA: nothing to learn from. */
scp_status scp_synth_krige(const double *k, size_t n, const uint8_t *held, const double *y,
                           size_t p, double *mean, double *variance) SCP_MUST_USE;

#endif
