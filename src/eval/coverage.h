/* Coverage of prediction intervals: how often the observed profile lies within prediction +- t s,
 * for intervals that should hold 50, 80, 90 and 95 % of the values.
 *
 * s is the spread of the model's samples (draws), or that and the noise of measuring the profile
 * (noise): s^2 = sd^2 + v_g / cells, v_g the variance of gene g between cells as the sub-bulks of
 * held-out keys show it, pooled over keys. t is Student's quantile for the number of samples. The
 * error of the prediction itself is in neither, so a model that is wrong about unseen drugs shows
 * here. Counted over all genes, and over those that the control expresses: genes that nothing
 * expresses are inside any interval. */
#ifndef SCP_EVAL_COVERAGE_H
#define SCP_EVAL_COVERAGE_H

#include "comm/comm.h"
#include "io/dataset.h"

enum { SCP_COVERAGE_LEVELS = 4 };
extern const double scp_coverage_level[SCP_COVERAGE_LEVELS]; /* 0.5, 0.8, 0.9, 0.95 */

typedef enum scp_coverage_genes {
    SCP_COVERAGE_ALL,
    SCP_COVERAGE_EXPRESSED,
    SCP_COVERAGE_GENES
} scp_coverage_genes;

/* Counts of (condition, gene) of one model and split. */
typedef struct scp_coverage {
    int64_t samples;                     /* of the spread; 0: nothing was measured            */
    int64_t n[SCP_COVERAGE_GENES];       /* values                                            */
    int64_t n_noise[SCP_COVERAGE_GENES]; /* ... with a known noise */
    int64_t draws[SCP_COVERAGE_GENES][SCP_COVERAGE_LEVELS]; /* inside, spread alone   */
    int64_t noise[SCP_COVERAGE_GENES][SCP_COVERAGE_LEVELS]; /* inside, with noise     */
} scp_coverage;

/** Variance between cells of each gene from the sub-bulks of d: v [G], NaN without sub-bulks (a
 * mean of n cells has the variance v / n). Not collective. */
void scp_coverage_noise(const scp_dataset *d, double *v);

/** Count one condition.
 *  @param pair  its row in d  @param x  [G] prediction  @param sd  [G] spread of c->samples samples
 *  @param v  [G] of scp_coverage_noise  @param expressed  a control above this expresses the gene
 *  Not collective. */
void scp_coverage_add(scp_coverage *c, const scp_dataset *d, int32_t pair, const float *x,
                      const float *sd, const double *v, double expressed);

/** Sum the counts over ranks. Collective. */
scp_status scp_coverage_sum(scp_coverage *c, scp_comm *comm) SCP_MUST_USE;

/** Share inside; NaN when nothing was counted. */
double scp_coverage_share(const scp_coverage *c, scp_coverage_genes genes, int level, bool noise);

#endif
