/* Mean and variance, over the cells of a key, of what a profile is the mean of: log1p(1e4 x /
 * library of a cell). Private to the generator and its tests. Not collective.
 *
 * A count x is gamma-Poisson with mean L r for a gene of share r in a cell of expected size L; the
 * library is x and all other counts of the genes at hand. Summed over x, integrated over L; the
 * other counts by a Taylor term of second order. The state of a cell is left out. */
#ifndef SCP_DATA_SYNTH_MOMENTS_H
#define SCP_DATA_SYNTH_MOMENTS_H

#include "data/synth_design.h"

typedef struct scp_synth_moments scp_synth_moments;

/** Tabulate for shares of 1e-10 to 1 and the depths of the plan's wells. *out:
 *  scp_synth_moments_destroy. */
scp_status scp_synth_moments_create(const scp_synth_design *d,
                                    scp_synth_moments **out) SCP_MUST_USE;
void scp_synth_moments_destroy(scp_synth_moments **m);

/** For n genes of shares rate [n] in cells of a well of this depth: mean [n] and variance [n] of
 * one cell's value, owned by the caller. A share of zero gives zeros. */
void scp_synth_moments_get(const scp_synth_moments *m, double depth, const float *rate, size_t n,
                           float *mean, float *variance);

#endif
