/* Selection of entries [first, first + n) of dimension 0. Private to src/io. */
#ifndef SCP_IO_H5_SLAB_H
#define SCP_IO_H5_SLAB_H

#include "io/h5.h"

/* Memory and file selection of one slab. */
typedef struct scp_h5_slab {
    hid_t file_space, mem_space;
} scp_h5_slab;

/** Select; n = 0 selects nothing. SCP_EINTERNAL when the range leaves the dataset.
 *  *slab: scp_h5_slab_fini, also after an error. */
scp_status scp_h5_slab_select(hid_t dset, size_t first, size_t n, scp_h5_slab *slab) SCP_MUST_USE;
void scp_h5_slab_fini(scp_h5_slab *slab);

typedef enum scp_h5_way { SCP_H5_READ, SCP_H5_WRITE } scp_h5_way;

/** What scp_h5_read_slab_all and scp_h5_write_slab_all do, in rounds of at most round_bytes a rank
 * (but at least one row of chunks). Collective. */
scp_status scp_h5_transfer_all(scp_comm *comm, hid_t dset, hid_t type, size_t first, size_t n,
                               scp_h5_way way, void *data, size_t round_bytes) SCP_MUST_USE;

#endif
