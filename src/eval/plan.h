/* The order of an evaluation: conditions by (line, drug, dose, plate), labels, blocks, and the rank
 * that a block belongs to. Everything but the owner is the same for any number of ranks. */
#ifndef SCP_EVAL_PLAN_H
#define SCP_EVAL_PLAN_H

#include "io/dataset.h"

typedef struct scp_eval_plan {
    size_t n;       /* conditions */
    int32_t *row;   /* [n] pairs, ordered by (line, drug, dose, plate, pair) */
    int32_t *label; /* [n] label (line, drug, dose) of the condition, from 0 */
    size_t n_labels;
    size_t *label_begin;        /* [n_labels + 1] first condition of each label */
    int32_t *label_line;        /* [n_labels] cell line */
    size_t *line_begin;         /* [n_labels] first label of the label's line */
    size_t *line_end;           /* [n_labels] one past the last label of the label's line */
    size_t n_blocks, max_block; /* max_block: conditions of the largest block */
    size_t *block_begin;        /* [n_blocks + 1] first label of each block */
} scp_eval_plan;

/** Order some pairs of d and cut them into blocks of whole labels, as equal as labels allow, of at
 *  most `block` conditions but for the last label. SCP_EUSAGE when there is no pair or a pair is
 *  out of range. Not collective. */
scp_status scp_eval_plan_init(scp_eval_plan *p, const scp_dataset *d, const int32_t *rows, size_t n,
                              size_t block) SCP_MUST_USE;
void scp_eval_plan_fini(scp_eval_plan *p);

/** Conditions of a block: [*begin, *end). */
void scp_eval_plan_block(const scp_eval_plan *p, size_t block, size_t *begin, size_t *end);

/** The rank that a block belongs to: blocks are dealt in turn. */
static inline int scp_eval_plan_owner(size_t block, int size)
{
    return (int)(block % (size_t)size);
}

#endif
