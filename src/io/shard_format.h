/* What a shard file holds, as a table that writer, reader and checksums share. Only src/io. */
#ifndef SCP_IO_SHARD_FORMAT_H
#define SCP_IO_SHARD_FORMAT_H

#include <hdf5.h>

#include "io/dataset.h"

#define SCP_SHARD_MAGIC "scppdm-shard"
enum {
    SCP_SHARD_VERSION = 3,
    SCP_SHARD_SIZES = 8,   /* G, lines, drugs, parents, plates, P, R, N */
    SCP_SHARD_TABLES = 20,
    SCP_SHARD_DIGEST = 17  /* 16 hexadecimal digits and NUL */
};
#define SCP_SHARD_X   "profile/x"
#define SCP_SHARD_R_X "replicate/x"
/* Checksum of every row of the two, uint64: they name a damaged row; no part of the content. */
#define SCP_SHARD_X_SUMS   "profile/x_xxh3"
#define SCP_SHARD_R_X_SUMS "replicate/x_xxh3"

typedef enum scp_shard_type {
    SHARD_TEXT,
    SHARD_U8,
    SHARD_I32,
    SHARD_I64,
    SHARD_F64
} scp_shard_type;

/* One table: `count` and `data` are offsets into scp_dataset. */
typedef struct scp_shard_table {
    const char *name;
    scp_shard_type type;
    size_t count;
    size_t width; /* elements of an entry; 1: one-dimensional */
    size_t data;
} scp_shard_table;

extern const scp_shard_table scp_shard_tables[SCP_SHARD_TABLES];

/** Number of entries of a table in d. */
size_t scp_shard_count(const scp_dataset *d, const scp_shard_table *t);
/** Address of the pointer to a table's data in d. */
void **scp_shard_data(const scp_dataset *d, const scp_shard_table *t);
/** Memory and file type of a numeric table. */
hid_t scp_shard_h5_type(const scp_shard_table *t);
/** Bytes of one element of a numeric table. */
size_t scp_shard_type_size(const scp_shard_table *t);
/** XXH3 of a table; texts are hashed with their final NUL. */
uint64_t scp_shard_digest(const scp_dataset *d, const scp_shard_table *t);

void scp_shard_get_sizes(const scp_dataset *d, int64_t sizes[SCP_SHARD_SIZES]);
void scp_shard_set_sizes(scp_dataset *d, const int64_t sizes[SCP_SHARD_SIZES]);

/** Hash of the whole content from the digests of its parts: tables, then the two matrices (each the
 *  hash of its row hashes). */
uint64_t scp_shard_content_hash(const int64_t sizes[SCP_SHARD_SIZES],
                                const uint64_t table[SCP_SHARD_TABLES], const uint64_t matrix[2]);

/** A digest as text. Returns buf. */
const char *scp_shard_digest_text(uint64_t digest, char buf[SCP_SHARD_DIGEST]);

#endif
