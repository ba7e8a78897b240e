/* What writing and reading of checkpoints share: the head of a file, and its parts. Private to
 * src/io.
 *
 * A part is the content of one dataset. Its XXH3 hash stands in dataset "checksums", a row of
 * SCP_CKPT_ROW integers: where it begins, its bytes, its hash; in ascending order. The head says
 * where these rows are, and holds the hash of itself and of all bytes that are in no part, the rows
 * among them. So every byte is hashed once, and any byte that changes changes the head. */
#ifndef SCP_IO_CKPT_IMPL_H
#define SCP_IO_CKPT_IMPL_H

#include <hdf5.h>
#include <sys/types.h>

#include "io/ckpt.h"

enum {
    SCP_CKPT_HEAD = 512,
    SCP_CKPT_FORMAT = 2,
    SCP_CKPT_WHOLE = 1, /* format of files without parts: one hash of all bytes after the head */
    SCP_CKPT_ROW = 3
};

extern const char scp_ckpt_magic[];     /* how the head begins             */
extern const char scp_ckpt_checksums[]; /* the dataset that holds the rows */

/* What the head says. */
typedef struct scp_ckpt_seal {
    int format;
    int64_t length;       /* of the file                        */
    int64_t table, parts; /* where the rows begin; how many     */
    uint64_t hash;
} scp_ckpt_seal;

/** Print a head. The bytes before the line of the hash, which take part in it. */
size_t scp_ckpt_print_head(char head[SCP_CKPT_HEAD], const scp_ckpt_seal *s);

/* Of a file that was checked: its rows, and which file it was, since another one may get its name
 * (best.h5 of a run that is going on). */
typedef struct scp_ckpt_parts {
    int64_t (*row)[SCP_CKPT_ROW]; /* [rows]; NULL: the file has none */
    size_t rows;
    dev_t device;
    ino_t inode;
} scp_ckpt_parts;

/** Check all bytes as scp_ckpt_open does. parts->row: free. */
scp_status scp_ckpt_check_parts(const char *path, scp_ckpt_parts *parts) SCP_MUST_USE;

/* What an array may hold. */
typedef enum scp_ckpt_type {
    SCP_CKPT_F32,
    SCP_CKPT_F64,
    SCP_CKPT_I64,
    SCP_CKPT_U8,
    SCP_CKPT_TYPES
} scp_ckpt_type;

size_t scp_ckpt_type_size(scp_ckpt_type t);
hid_t scp_ckpt_file_type(scp_ckpt_type t);

#endif
