/* Cells that a thread keeps back until several of a slot are together.
 *
 * The rows of all slots are far larger than the caches, and cells come in any order of slots: added
 * one by one, each would bring its row from memory and take it back. So a thread packs cells, 2 or
 * 4 bytes a count, and adds them slot by slot when its room is full: one journey of a row serves
 * all of its cells. What is added does not depend on when (data/normalize.h), so neither does the
 * result on threads or room. */
#ifndef SCP_DATA_BULK_PENDING_H
#define SCP_DATA_BULK_PENDING_H

#include "data/bulk_sums.h"

/* A cell to be added: n entries, at most G, by column of the file, each column once. */
typedef struct scp_pending_cell {
    size_t slot, n; /* slot of the sums */
    const int32_t *column;
    const float *value;     /* checked counts; SCP_VALUES_COUNTS    */
    double library;         /* their sum, above 0                   */
    const uint64_t *addend; /* [n] for other kinds: in units, values of 0 among them */
} scp_pending_cell;

typedef struct scp_pending scp_pending;

/** For cells of G genes, by one of so many threads. SCP_ENOMEM. Belongs to that thread. */
scp_status scp_pending_create(size_t G, int threads, scp_pending **out) SCP_MUST_USE;
void scp_pending_destroy(scp_pending **p);
/** Bytes that one allocates. */
size_t scp_pending_bytes(size_t G, size_t slots, int threads);

/** Forget what is kept, and be ready for accumulators of so many slots. SCP_ENOMEM. */
scp_status scp_pending_begin(scp_pending *p, size_t slots) SCP_MUST_USE;

/** Keep a cell. When there is no room, those that are kept are added first: then slot_cells [slots]
 *  get the numbers of cells that were added. */
void scp_pending_put(scp_pending *p, scp_sums *s, const scp_pending_cell *c, int64_t *slot_cells);
/** Add all that is kept. */
void scp_pending_flush(scp_pending *p, scp_sums *s, int64_t *slot_cells);

#endif
