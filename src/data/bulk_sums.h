/* Accumulators of a batch: one number per slot and gene, shared by the threads of a rank.
 *
 * What a number holds. In its upper 48 bits the sum in units (data/normalize.h), in its lower 16
 * how many cells had a value above 0: one addition does both. A slot that has been given 65,535
 * cells is relieved of the lower bits.
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

enum { SCP_SUMS_COUNT = 16 }; /* bits of cells */
enum { SCP_NOT_NEAR = UINT16_MAX };
enum { SCP_SUMS_GROUP = 8 }; /* genes of a group: one cache line of a slot */

/* Place of every gene of a file: below `hot` in the row of the slot, else in the groups. */
typedef struct scp_sums_order {
    size_t G, hot;
    const int32_t *place; /* [G] a permutation; borrowed */
} scp_sums_order;

typedef struct scp_sums {
    scp_sums_order order;
    size_t slots, stride, groups; /* stride: numbers of a hot row                              */
    uint64_t *hot, *cold;         /* [slots, stride]; [groups, slots, SCP_SUMS_GROUP]          */
    uint16_t *near;               /* [G + 1] place of a column below SCP_NOT_NEAR, or that     */
    uint8_t *touched;             /* [groups] 1: some cell was added there                     */
    uint8_t *lock;                /* [slots] 1: a thread is adding to the slot                 */
    uint16_t *counted;            /* [slots] cells that the lower bits count                   */
    const uint8_t *train;         /* [slots] 1: the cells of the slot are counted; borrowed    */
    int64_t *detected;            /* [G] by place: cells of such slots that were relieved      */
    uint64_t most;                /* largest addend                                            */
} scp_sums;

/** A number for a value of so many units: 0 is nothing. */
static inline uint64_t scp_sums_number(uint64_t units)
{
    return units > 0 ? units << SCP_SUMS_COUNT | 1 : 0;
}

/** Bytes of one slot at most, to plan batches with. */
size_t scp_sums_slot_bytes(size_t G);

/** Zeroed accumulators, from pages of their own. All hot rows are there at once, by so many
 * threads, so that memory does not grow with the number of cells. SCP_ENOMEM. Zero-initialise; fini
 * frees. Not collective. */
scp_status scp_sums_create(scp_sums *s, const scp_sums_order *order, const uint8_t *train,
                           size_t slots, int threads) SCP_MUST_USE;
void scp_sums_fini(scp_sums *s);

/** Begin to add `cells` cells to a slot, which no other thread does until the end. */
void scp_sums_begin(scp_sums *s, size_t slot, size_t cells);
void scp_sums_end(scp_sums *s, size_t slot);

/** Add number [n] at place [n] of a slot: a cell, or a part of one. */
void scp_sums_add(scp_sums *s, size_t slot, const uint32_t *place, const uint64_t *number,
                  size_t n);

/* Cells of counts: an entry is a place in a hot row, and a small count. */
enum { SCP_SMALL_COUNTS = 64, SCP_ENTRY_PLACE = 8 }; /* 99 % of Tahoe's are at most 7; >> this */
typedef struct scp_small_counts {
    double library;
    uint64_t number[SCP_SMALL_COUNTS]; /* of counts that occurred; 0: not yet */
} scp_small_counts;

/** Add counts of 1 of a cell, by place in the hot row, each once. */
void scp_sums_add_ones(scp_sums *s, size_t slot, const uint16_t *place, size_t n,
                       scp_small_counts *counts);
/** Add entries of a cell. */
void scp_sums_add_counts(scp_sums *s, size_t slot, const uint32_t *entry, size_t n,
                         scp_small_counts *counts);

/** Add to detected [G], by place, how many cells of slots that are counted had a value above 0, by
 * so many threads. SCP_ENOMEM. */
scp_status scp_sums_detected(const scp_sums *s, int threads, int64_t *detected) SCP_MUST_USE;

/** Do sums of so many cells stay within what a number holds, when no addend is above `most` units?
 *  It is a bound: 455,388 cells of counts are within it whatever they are. */
bool scp_sums_in_range(uint64_t most, int64_t cells);

/** May a cell have been added at this place? Of all ranks, once `touched` is. */
bool scp_sums_has(const scp_sums *s, size_t place);

/** Sums of slots [first, first + n) for K places, as rows: out [n, K], exact; 0 for place -1. */
void scp_sums_rows(const scp_sums *s, size_t first, size_t n, const int32_t *place, size_t K,
                   double *out);

#endif
