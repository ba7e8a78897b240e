/* Perturbation discrimination score: does a predicted effect lie nearer to its own true effect than
 * to the true effects of the other labels of the same cell line? Pure functions, fp64. */
#ifndef SCP_EVAL_PDS_H
#define SCP_EVAL_PDS_H

#include <stddef.h>
#include <stdint.h>

typedef struct scp_pds_scores {
    double l1, l2,
        cosine; /* 1 - k/N as cell-eval, ties by mid-rank: best 1, worst 1/N, chance (N + 1)/(2N) */
    double cosine_mid; /* 1 - k/(N - 1) as cell-eval2: 0 to 1, chance 0.5 */
} scp_pds_scores;

/** Score one predicted effect against the true effects of all N labels of its line.
 *  k = number of labels strictly nearer than the own one, plus half of the others equally near.
 *  Distances: sum |f - r|; sqrt of sum (f - r)^2; 1 - <f, r> / (|f| |r|), where a zero vector is at
 *  distance 1 from everything.
 *  @param f     [G] predicted effect, plates averaged
 *  @param r     [N, G] true effects of the labels
 *  @param own   row of r that f predicts
 *  @param drop  [G] flags of genes left out for this label (a perturbed target), or NULL
 *  N < 2 or a distance that is not finite: all scores NaN. */
void scp_pds_score(const double *f, const double *r, size_t N, size_t G, size_t own,
                   const uint8_t *drop, scp_pds_scores *out);

#endif
