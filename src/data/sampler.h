/* Order of the training samples as a pure function of (seed, step): no state, so a run resumes at
 * any step on any number of ranks.
 *
 * The endless sequence of samples is the concatenation of one pseudo-random permutation of the n
 * training rows per epoch; position q lies in epoch floor(q / n). The global batch of step s is
 * positions [s*B, (s+1)*B). The sequence also runs backwards (epochs -1, -2, ...), so that the
 * memory bank of InfoNCE is full from the first step on. Rows are indices in 0..n-1, to be mapped
 * through the row list of the training split. Nothing here is collective. */
#ifndef SCP_DATA_SAMPLER_H
#define SCP_DATA_SAMPLER_H

#include <stddef.h>
#include <stdint.h>

enum {
    SCP_SAMPLER_BANK = 16384,    /* length of the InfoNCE memory bank [paper App. D]     */
    SCP_SAMPLER_NEGATIVES = 1024 /* negatives drawn from it at every step [paper App. D] */
};

/** Entries first .. first+n-1 of the global batch of step `step`: what one rank works on.
 *  @param n_train   rows in the training split, at least 1.
 *  @param B_global  rows in the global batch; may exceed n_train. @param rows [n] owned by the
 *  caller. */
void scp_sampler_rows(uint64_t seed, uint64_t n_train, uint64_t step, uint64_t B_global,
                      uint64_t first, size_t n, int32_t *rows);

/** Negatives of step `step`: n_neg draws without replacement from the bank, which holds the rows of
 *  the bank_len positions before the step's own batch [paper eq. 9-11]. The same row can appear
 *  more than once when the bank spans epochs. Same values on every rank.
 *  @param bank_len  at least n_neg. @param rows [n_neg] owned by the caller. */
void scp_sampler_negatives(uint64_t seed, uint64_t n_train, uint64_t step, uint64_t B_global,
                           uint64_t bank_len, size_t n_neg, int32_t *rows);

#endif
