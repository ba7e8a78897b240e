/* Half-precision storage on the host: IEEE binary16 and bfloat16, rounded to nearest, ties to even.
 * Pure. */
#ifndef SCP_TENSOR_HALF_H
#define SCP_TENSOR_HALF_H

#include <stddef.h>

#include "dev/device.h"

/** Bits of x in F16 or BF16, and back. Too large becomes infinity, NaN stays NaN. */
uint16_t scp_half_bits(scp_dtype type, float x);
float scp_half_value(scp_dtype type, uint16_t bits);

/** x [n], floats (real_size 4) or doubles (8), each replaced by the nearest value of `type`.
 *  Doubles are rounded to float first, as a sum kept in fp32 would be. */
void scp_half_round(scp_dtype type, void *x, size_t real_size, size_t n);

/** Name of a type for people: "fp32", "fp16", "bf16". */
const char *scp_half_name(scp_dtype type);

#endif
