/* Accumulators of a batch: one sum per slot and gene, shared by the threads of a rank.
 *
 * Where a gene lies. Two thirds of Tahoe's 62,710 genes are never seen, and a few thousand make up
 * most of what is. So genes are taken in the order of how often a sample of cells has them: those
 * that it has (`hot`) lie side by side in the row of a slot, the frequent ones first, and a cell
 * touches half as many cache lines. The others lie in groups of SCP_SUMS_GROUP genes, all slots of
 * a group together: the memory of a group that no cell has is never touched, so never given by the
 * system, and is left out of what ranks exchange. The order changes no result. */
#ifndef SCP_DATA_BULK_SUMS_H
#define SCP_DATA_BULK_SUMS_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "data/normalize.h"

enum { SCP_SUMS_GROUP = 8 }; /* genes of a group: one cache line of a slot */

/* Place of every gene of a file: below `hot` in the row of the slot, else in the groups. */
typedef struct scp_sums_order {
    size_t G, hot;
    const int32_t *place; /* [G] a permutation; borrowed */
} scp_sums_order;

typedef struct scp_sums {
    scp_sums_order order;
    size_t slots, stride, groups; /* stride: doubles of a hot row                              */
    double *hot;                  /* [slots, stride]                                           */
    double *cold;                 /* [groups, slots, SCP_SUMS_GROUP]                           */
    uint8_t *touched;             /* [groups] 1: some cell was added there                     */
    uint8_t *lock;                /* [slots] 1: a thread is adding to the slot                 */
} scp_sums;

/** Bytes of one slot at most, to plan batches with. */
size_t scp_sums_slot_bytes(size_t G);

/** Zeroed accumulators, from pages of their own. SCP_ENOMEM. Zero-initialise; fini frees. Not
 * collective. */
scp_status scp_sums_create(scp_sums *s, const scp_sums_order *order, size_t slots) SCP_MUST_USE;
void scp_sums_fini(scp_sums *s);

/* One cell on its way into its slot: n genes by place. */
typedef struct scp_sums_cell {
    size_t slot, n;
    const int32_t *place; /* [n] */
    const double *addend; /* [n], or NULL: counts follow                      */
    const float *count;   /* [n], with their scale                            */
    scp_count_scale *scale;
    uint32_t *detected; /* [G] by place: += step where the addend is above 0 */
    uint32_t step;
} scp_sums_cell;

/** Places of columns, and ask for their cache lines of a slot, to which will be added soon. */
void scp_sums_places(const scp_sums *s, size_t slot, const int32_t *column, size_t n,
                     int32_t *place);

/** Add a cell, and 1 to *cells. Any thread, any number at once. */
void scp_sums_add(scp_sums *s, const scp_sums_cell *c, int64_t *cells);

/** Sums of slots [first, first + n) for K places, as rows: out [n, K]. */
void scp_sums_rows(const scp_sums *s, size_t first, size_t n, const int32_t *place, size_t K,
                   double *out);

#endif
