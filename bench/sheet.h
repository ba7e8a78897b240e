/* Named tensors and settings on their way into a safetensors file, for peers of the benchmarks. */
#ifndef SCP_BENCH_SHEET_H
#define SCP_BENCH_SHEET_H

#include "io/safetensors.h"
#include "tensor/params.h"

typedef struct sheet sheet;

/** An empty sheet. *out: sheet_destroy. */
scp_status sheet_create(sheet **out) SCP_MUST_USE;
void sheet_destroy(sheet **s);

/** A tensor called prefix + name; data is borrowed until the sheet is written. */
scp_status sheet_add(sheet *s, scp_st_type type, const char *prefix, const char *name,
                     const scp_shape *shape, const void *data) SCP_MUST_USE;
/** Room for as many elements of `size` bytes as the shape says, zero, owned by the sheet. */
scp_status sheet_room(sheet *s, const scp_shape *shape, size_t size, void **out) SCP_MUST_USE;
/** A copy of doubles as a tensor of floats. */
scp_status sheet_add_reals(sheet *s, const char *name, const scp_shape *shape,
                           const double *x) SCP_MUST_USE;
/** The W arena of a store, "w:" before every name. */
scp_status sheet_add_weights(sheet *s, const scp_params *p) SCP_MUST_USE;
/** A setting, written as metadata. */
scp_status sheet_add_number(sheet *s, const char *key, double value) SCP_MUST_USE;

scp_status sheet_write(const sheet *s, const char *path) SCP_MUST_USE;

#endif
