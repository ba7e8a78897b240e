/* A plate as an h5ad file in Tahoe-100M's layout, written by a group of ranks. Private to the
 * generator. */
#ifndef SCP_DATA_SYNTH_PLATE_H
#define SCP_DATA_SYNTH_PLATE_H

#include "comm/comm.h"
#include "data/synth_segment.h"
#include "data/synth_write.h"

/** How X of every plate is stored; threads as the settings say. */
scp_h5ad_write_options scp_synth_storage(const scp_synth_design *d);

/** Write a plate to `path`, in segments that are dealt to the ranks; rank 0 writes the file. Its
 *  bytes do not depend on ranks and threads. s: a segment of this rank, with scp_synth_storage.
 *  *full (rank 0): cells whose pass_filter is full; *write_us: this rank's microseconds of
 *  computing for the file, without messages. The status is agreed. Collective. */
scp_status scp_synth_write_plate(scp_comm *comm, const scp_synth_design *d, scp_synth_segment *s,
                                 size_t plate, const char *path, int64_t *full,
                                 int64_t *write_us) SCP_MUST_USE;

/* ---- obs, of rank 0 ---- */

typedef struct scp_synth_obs scp_synth_obs;

/** Begin the obs columns of a plate. *out: scp_synth_obs_destroy, before the writer ends. */
scp_status scp_synth_obs_create(const scp_synth_design *d, size_t plate, scp_h5ad_writer *w,
                                scp_synth_obs **out) SCP_MUST_USE;
void scp_synth_obs_destroy(scp_synth_obs **o);
/** The next n cells: their columns, and their lengths in X. */
scp_status scp_synth_obs_append(scp_synth_obs *o, const scp_synth_row *row, size_t n) SCP_MUST_USE;
/** After all cells: pass_filter, and the end of all columns. *full: cells that are. */
scp_status scp_synth_obs_end(scp_synth_obs *o, int64_t *full) SCP_MUST_USE;

#endif
