/* The folder of a run's parts: what is there is checked and taken over or removed, what is finished
 * is added. Only src/data. */
#ifndef SCP_DATA_BULK_PARTS_H
#define SCP_DATA_BULK_PARTS_H

#include "data/pseudobulk.h"
#include "io/part.h"

struct scp_bulk_parts {
    char dir[SCP_PATH_MAX];
    size_t n, cap;
    scp_part *part; /* [n] on every rank, in the order of profiles */
};

/** Name of the part of a range. */
scp_status scp_bulk_part_path(const scp_bulk_parts *p, scp_bulk_range r, char *buf,
                              size_t size) SCP_MUST_USE;

/** Make the folder, take over what belongs to the plan, remove parts that do not or are damaged
 *  (by their checksums; a failure to read one ends the run and leaves it). own (rank 0): the caller
 *  holds the folder's lock, so temporaries are of dead runs and are removed. Collective.
 *  *out: scp_bulk_parts_destroy. */
scp_status scp_bulk_parts_open(scp_comm *comm, const scp_bulk_plan *plan, const char *dir, bool own,
                               scp_bulk_parts **out) SCP_MUST_USE;
void scp_bulk_parts_destroy(scp_bulk_parts **p);

/** Read the tables of a part that was just written, on every rank. Collective. */
scp_status scp_bulk_parts_add(scp_comm *comm, scp_bulk_parts *p, scp_bulk_range r) SCP_MUST_USE;

/** Add the tables of a part that has no file; they are given away. Not collective. */
scp_status scp_bulk_parts_take(scp_bulk_parts *p, scp_part *part) SCP_MUST_USE;

/** The first stretch of profiles from `from` on that no part has; empty at the end. */
scp_bulk_range scp_bulk_parts_gap(const scp_bulk_parts *p, size_t from, size_t P);

/** "plate3", "plates plate1 to plate3" of a range, for messages; rank 0. Returns buf. */
const char *scp_bulk_plates_text(const scp_bulk_plan *plan, scp_bulk_range r, char *buf,
                                 size_t size);

#endif
