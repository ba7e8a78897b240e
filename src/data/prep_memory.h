/* Memory of scppdm_prep: how much for sums, and what a run will need in all. Only src/data. */
#ifndef SCP_DATA_PREP_MEMORY_H
#define SCP_DATA_PREP_MEMORY_H

#include "comm/comm.h"
#include "data/prep_plan.h"

enum { SCP_PREP_SHARE = 60 }; /* per cent of what may be used that sums may take, when not said */

/** Set plan->bulk.memory: what the settings say, or SCP_PREP_SHARE of what the processes of a node
 *  may use, by the number of ranks there; the least of all ranks. Collective. */
scp_status scp_prep_memory_choose(scp_comm *comm, scp_prep_plan *plan) SCP_MUST_USE;

/** Warn when the sums of one plate do not fit, with the number of times that its cells are read.
 *  Rank 0, when the plan is decided. Not collective. */
void scp_prep_memory_warn(const scp_prep_plan *plan);

/* What rank 0 needs, the one that needs most, in bytes. */
typedef struct scp_prep_memory {
    size_t planning; /* peak so far                                              */
    size_t now;      /* resident                                                 */
    size_t sums;     /* accumulators of the largest batch                        */
    size_t slots;    /* slots of the cells of the largest file, on ranks but 0   */
    size_t reader;   /* buffers of scp_h5ad_stream, all threads                  */
    size_t buffers;  /* of the exchange, the single writer, the threads          */
    size_t system;   /* HDF5 and MPI-IO while writing                            */
    size_t peak;     /* to be expected of the process                            */
} scp_prep_memory;

/** Work it out from metadata. Rank 0. Not collective. */
scp_status scp_prep_memory_plan(const scp_comm *comm, const scp_prep_plan *plan,
                                scp_prep_memory *out) SCP_MUST_USE;

/** The plan as text: files, cells, keys, splits, batches, memory, disk. text: scp_strbuf_fini.
 *  Rank 0. Not collective. */
scp_status scp_prep_plan_print(const scp_comm *comm, const scp_prep_plan *plan,
                               scp_strbuf *text) SCP_MUST_USE;

#endif
