/* safetensors: weights to and from other programs. 8 bytes little-endian header length, a JSON
 * header (name -> dtype, shape, data_offsets; texts under __metadata__), then the raw little-endian
 * values. Format: https://huggingface.co/docs/safetensors. Not collective.
 *
 * A header read from a file is not trusted: its length, names, shapes and ranges are checked before
 * a value is touched; ranges must be disjoint and cover the data without a hole, as the format
 * demands. */
#ifndef SCP_IO_SAFETENSORS_H
#define SCP_IO_SAFETENSORS_H

#include <stdint.h>

#include "base/status.h"

enum { SCP_ST_MAX_RANK = 8 };

typedef enum scp_st_type {
    SCP_ST_F32,
    SCP_ST_F64,
    SCP_ST_F16,
    SCP_ST_BF16,
    SCP_ST_I64,
    SCP_ST_I32,
    SCP_ST_I16,
    SCP_ST_I8,
    SCP_ST_U64,
    SCP_ST_U32,
    SCP_ST_U16,
    SCP_ST_U8,
    SCP_ST_BOOL,
    SCP_ST_F8_E4M3,
    SCP_ST_F8_E5M2,
    SCP_ST_TYPES
} scp_st_type;

/** "F32", "BF16", ... */
const char *scp_st_type_name(scp_st_type t);
size_t scp_st_type_size(scp_st_type t);

typedef struct scp_st_tensor {
    const char *name;
    scp_st_type type;
    int rank; /* 0: a scalar */
    int64_t shape[SCP_ST_MAX_RANK];
    const void *data; /* writing only: all elements, C order, borrowed */
} scp_st_tensor;

typedef struct scp_st_meta {
    const char *key, *value;
} scp_st_meta;

/** Write a file atomically. Names are unique; "__metadata__" is not one. SCP_EIO. */
scp_status scp_st_write(const char *path, const scp_st_tensor *tensors, size_t n,
                        const scp_st_meta *meta, size_t n_meta) SCP_MUST_USE;

typedef struct scp_st_file scp_st_file;

/** Open and check the header. SCP_ENOINPUT, SCP_EDATA. *out: scp_st_close. */
scp_status scp_st_open(const char *path, scp_st_file **out) SCP_MUST_USE;
void scp_st_close(scp_st_file **f);

size_t scp_st_count(const scp_st_file *f);
/** i-th tensor in the order of its data; texts borrowed from f, data NULL. */
const scp_st_tensor *scp_st_get(const scp_st_file *f, size_t i);
/** Index of a name, or -1. */
int64_t scp_st_find(const scp_st_file *f, const char *name);
/** Elements of a tensor. */
size_t scp_st_elements(const scp_st_tensor *t);
/** A text of __metadata__, borrowed, or NULL. */
const char *scp_st_metadata(const scp_st_file *f, const char *key);

/** Raw bytes of tensor i [elements * size]. */
scp_status scp_st_read(const scp_st_file *f, size_t i, void *out) SCP_MUST_USE;
/** Tensor i as float [elements]: F32, F64 (rounded), F16, BF16; SCP_EDATA for other types. */
scp_status scp_st_read_f32(const scp_st_file *f, size_t i, float *out) SCP_MUST_USE;

#endif
