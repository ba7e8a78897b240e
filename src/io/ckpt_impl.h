/* What writing and reading of checkpoints share. Private to src/io. */
#ifndef SCP_IO_CKPT_IMPL_H
#define SCP_IO_CKPT_IMPL_H

#include <hdf5.h>

#include "io/ckpt.h"

enum { SCP_CKPT_HEAD = 512, SCP_CKPT_FORMAT = 1 };

extern const char scp_ckpt_magic[]; /* how the head begins */

/* What an array may hold. The name takes part in its hash. */
typedef enum scp_ckpt_type {
    SCP_CKPT_F32,
    SCP_CKPT_F64,
    SCP_CKPT_I64,
    SCP_CKPT_U8,
    SCP_CKPT_TYPES
} scp_ckpt_type;

const char *scp_ckpt_type_name(scp_ckpt_type t);
size_t scp_ckpt_type_size(scp_ckpt_type t);
hid_t scp_ckpt_file_type(scp_ckpt_type t);

/** Hash of an entry: its name, type, length and content. */
uint64_t scp_ckpt_hash(const char *name, scp_ckpt_type t, const void *v, size_t n);

/** The head of a file of `length` bytes whose bytes after the head have this hash. */
void scp_ckpt_print_head(char head[SCP_CKPT_HEAD], int64_t length, uint64_t hash);

#endif
