/* A part: what one finished batch of profiles leaves behind, so that a run that was stopped goes on
 * from there. An HDF5 file with the rows of its profiles and sub-bulks over the genes that some
 * cell of it has (all others are 0), the counts that go with them, a checksum for everything, and
 * the hash of the plan that it belongs to. It appears whole or not at all (io/rows_file.h).
 *
 * Reading is not collective. */
#ifndef SCP_IO_PART_H
#define SCP_IO_PART_H

#include <stdint.h>

#include "comm/comm.h"
#include "io/rows_file.h"

enum { SCP_PART_PROFILES, SCP_PART_REPLICATES };

/* Everything but the rows. Zero-initialise, scp_part_fini. */
typedef struct scp_part {
    uint64_t plan;                  /* hash of the plan                                */
    size_t first, end;              /* profiles [first, end) of the plan               */
    size_t rows[SCP_ROWS_MATRICES]; /* profiles, sub-bulks                             */
    size_t K;                       /* genes that are stored                           */
    int32_t *gene;                  /* [K] their columns in the plates, rising         */
    size_t slots;                   /* of the profiles                                 */
    int64_t *slot_cells;            /* [slots] cells that count                        */
    int64_t *detected;              /* [K] training cells with a value above 0         */
    int64_t *sum, *square;          /* [K] moments of the training profiles, in units  */
    int64_t train_cells, empty_cells;
    size_t n_files;
    uint64_t *digest;    /* [n_files] of the stored bytes of the matrix     */
    uint8_t *has_digest; /* [n_files] 1: this part's batch took it          */
    uint64_t *row_hash[SCP_ROWS_MATRICES];
} scp_part;

void scp_part_fini(scp_part *p);

/** Allocate the arrays for the sizes that are set. */
scp_status scp_part_alloc(scp_part *p) SCP_MUST_USE;

/** Begin a part's file for its rows. Collective. *out: scp_part_commit or scp_rows_file_abort. */
scp_status scp_part_create(scp_comm *comm, const char *path, const size_t rows[SCP_ROWS_MATRICES],
                           size_t K, bool single_writer, scp_rows_file **out) SCP_MUST_USE;

/** Add the tables (rank 0's, but row_hash, which comes from w) and give the file its name.
 *  Destroys *w in any case. Collective. */
scp_status scp_part_commit(scp_comm *comm, scp_rows_file **w, const scp_part *p) SCP_MUST_USE;

/** Tables of a part, checked. SCP_EDATA when it is no part, of another version, or damaged.
 *  out: zeroed; scp_part_fini. */
scp_status scp_part_read(const char *path, scp_part *out) SCP_MUST_USE;

/* An open part, for its rows. */
typedef struct scp_part_reader scp_part_reader;
scp_status scp_part_open(const char *path, const scp_part *p, scp_part_reader **out) SCP_MUST_USE;
/** Rows [first, first + n) of a matrix, x [n, K]. SCP_EDATA when a row is not what was written. */
scp_status scp_part_rows(scp_part_reader *r, int matrix, size_t first, size_t n,
                         float *x) SCP_MUST_USE;
void scp_part_close(scp_part_reader **r);

#endif
