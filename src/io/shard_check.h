/* Checks of a shard file that do not load its matrices: what `scppdm_prep --verify` stands on. */
#ifndef SCP_IO_SHARD_CHECK_H
#define SCP_IO_SHARD_CHECK_H

#include "io/h5_rehearse.h"
#include "io/shard.h"

/* What was found wrong in the rows of a matrix; SIZE_MAX: nothing. Rows count from 0. */
typedef struct scp_shard_rows {
    uint64_t digest;   /* checksum of the matrix as it is in the file            */
    size_t bad_sum;    /* first row whose content has not the row's checksum     */
    size_t bad_value;  /* first row with a value that is not finite              */
    size_t bad_column; /* its column; on the rank that read the row, else SIZE_MAX */
    bool agrees;       /* the checksum of the whole is the one that is noted     */
} scp_shard_rows;

/** Read a matrix [rows, G] whole, every rank its share in blocks of at most 64 MiB, and recompute
 *  its checksums. SCP_EDATA when it cannot be read or has another shape; what is wrong with its
 *  content is in *out, the same on every rank but for bad_column. Collective. */
scp_status scp_shard_check_rows(scp_comm *comm, const char *path, scp_shard_matrix m, size_t rows,
                                size_t G, scp_shard_rows *out) SCP_MUST_USE;

/** The manifest is there and has the checksum that is noted. SCP_EDATA. Not collective. */
scp_status scp_shard_check_manifest(const char *path, const char *manifest) SCP_MUST_USE;

/** The content hash of tables and matrices, as the file's attribute has it. Not collective. */
uint64_t scp_shard_hash(const scp_dataset *tables, const uint64_t matrix[2]);

/** Table i in words, e.g. "drug/name: 377 texts, xxh3 0123456789abcdef"; false beyond the last.
 *  Not collective. */
bool scp_shard_table_text(const scp_dataset *d, size_t i, char *buf, size_t size);

/** Name of a matrix in the file. Not collective. */
const char *scp_shard_matrix_name(scp_shard_matrix m);

/** The calls of the checks on metadata, for a helper process that may crash (io/h5_probe.h). `say`
 *  is told of every object before it is read. Not collective. */
scp_status scp_shard_rehearse(const char *path, scp_probe_say *say, void *ctx) SCP_MUST_USE;

#endif
