/* The truth behind a synthetic screen as profiles to score against: what the treated cells would
 * show without noise of sampling, wells and plates.
 *
 * truth.h5 of scppdm_synth has the log fold change L of every key, L[g] = magnitude sum_k V[k,g]
 * (e[drug,k] + own[line,drug,k]). The control that was observed is taken as it is, and every gene's
 * share of the counts multiplied by exp(L), shares adding up to what they were:
 *   post[g] = log1p(s expm1(pre[g]) exp(L[g])),   s = sum expm1(pre) / sum expm1(pre) exp(L)
 * so that no change means no score, and a gene without effect only follows the scaling.
 * Scored against the observation it is what noise leaves of a perfect prediction (row `truth`).
 *
 * Kriging: the same profile by the best prediction of what the training drugs do not tell. Where
 * effects were drawn from a Gaussian process (scppdm_synth --effects gp), e of a drug without a
 * training pair is its posterior mean given the true e of all drugs t that have one,
 *   e = c + K_*t K_tt^-1 (e_t - c),   c = drug/prior_mean, K = drug/covariance,
 * and `own`, which nothing foretells, is 0. The strength of the key is the true one, so a model,
 * which has to learn it, cannot have a smaller expected squared error of the log fold changes. */
#ifndef SCP_EVAL_SYNTH_TRUTH_H
#define SCP_EVAL_SYNTH_TRUTH_H

#include "eval/evaluate.h"

typedef struct scp_synth_truth scp_synth_truth;

typedef enum scp_synth_truth_kind { SCP_SYNTH_EXACT, SCP_SYNTH_KRIGED } scp_synth_truth_kind;

/** Of the rows "truth" and "kriging" of a table. False: no such row. */
bool scp_synth_truth_row(const char *name, scp_synth_truth_kind *kind);

/** truth.h5 beside the first input that the manifest of d names; "" when there is none. */
scp_status scp_synth_truth_find(const scp_dataset *d, char *path, size_t size) SCP_MUST_USE;

/** Read the truth of some pairs. Genes, lines (by id or name) and drugs are matched by name.
 *  SCP_ENOINPUT; SCP_EDATA: not a truth file, or a gene of d is not in it, or kriging of effects
 * that are not those of a Gaussian process. Every rank on its own; not collective. *out:
 *  scp_synth_truth_close. */
scp_status scp_synth_truth_open(const char *path, const scp_dataset *d, scp_synth_truth_kind kind,
                                const int32_t *rows, size_t n, scp_synth_truth **out) SCP_MUST_USE;
void scp_synth_truth_close(scp_synth_truth **t);

/** The pairs that have a truth [*n], in the order that they were given; borrowed. */
const int32_t *scp_synth_truth_rows(const scp_synth_truth *t, size_t *n);

/** True log fold change of a pair, natural logarithm. lfc [G] owned by the caller. SCP_EINTERNAL
 * for a pair without a truth. */
scp_status scp_synth_truth_lfc(const scp_synth_truth *t, int32_t row, double *lfc) SCP_MUST_USE;

/** A scp_truth.fill; ctx is the scp_synth_truth. */
scp_status scp_synth_truth_fill(void *ctx, const int32_t *rows, size_t n, float *out) SCP_MUST_USE;

#endif
