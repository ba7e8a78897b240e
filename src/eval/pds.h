/* Perturbation discrimination score: does a predicted effect lie nearer to its own true effect than
 * to the true effects of the other labels of the same cell line? fp64. Not collective. */
#ifndef SCP_EVAL_PDS_H
#define SCP_EVAL_PDS_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

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

/* An effect as its plates give it: the mean over them of profile - control. Entries of a profile
 * below 0 count as 0; one that is not finite makes the effect NaN. */
typedef struct scp_pds_effect {
    const float *const *post; /* [plates] profiles [G], borrowed */
    const float *const *pre;  /* [plates] their controls [G], finite, borrowed */
    size_t plates;
} scp_pds_effect;

/** Values of an effect, genes [first, first + n): out [n]. */
void scp_pds_effect_values(const scp_pds_effect *e, size_t first, size_t n, double *out);

/* The labels of one line, ready for many predictions: what scp_pds_score gives, bit for bit, by a
 * screening in fp32 whose rounding is bounded. Only distances that it cannot tell from the own one
 * are computed again. No effect of a label is kept: memory is a few rows of genes a thread and the
 * predictions of a call in fp32, whatever the number of labels. */
typedef struct scp_pds_line scp_pds_line;

/** For effects of G genes; of the number of threads of the caller's parallel regions. *out:
 *  scp_pds_line_destroy. */
scp_status scp_pds_line_create(size_t G, scp_pds_line **out) SCP_MUST_USE;
void scp_pds_line_destroy(scp_pds_line **l);

/** Begin a line of N labels of these true effects, borrowed until the next begin. By all threads,
 *  not from inside a parallel region, like the next. */
scp_status scp_pds_line_begin(scp_pds_line *l, const scp_pds_effect *label, size_t N) SCP_MUST_USE;

/** Score n predictions f [n] of the labels own [n]; out [n]. */
scp_status scp_pds_line_score(scp_pds_line *l, const scp_pds_effect *f, const size_t *own, size_t n,
                              scp_pds_scores *out) SCP_MUST_USE;

#endif
