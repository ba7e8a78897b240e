/* Numbers as files store them, to columns (int32) and values (float). Private to src/io. */
#ifndef SCP_IO_H5_NUMBER_H
#define SCP_IO_H5_NUMBER_H

#include <float.h>
#include <math.h>

#include "io/h5.h"

/* Little endian, all bits used. */
typedef enum scp_h5_number {
    SCP_H5_U1,
    SCP_H5_U2,
    SCP_H5_U4,
    SCP_H5_U8,
    SCP_H5_I1,
    SCP_H5_I2,
    SCP_H5_I4,
    SCP_H5_I8,
    SCP_H5_F4,
    SCP_H5_F8,
    SCP_H5_N_NUMBERS /* any other type */
} scp_h5_number;

/** Which of them a type is; an enumeration counts as the integers it is made of. */
scp_h5_number scp_h5_number_of(hid_t type);
/** Bytes of one: 1, 2, 4 or 8. */
size_t scp_h5_number_bytes(scp_h5_number type);

/** n integers to int32, those beyond it clipped. Returns whether all are in [0, limit), limit <=
 *  INT32_MAX. `type` is one of the integers. */
bool scp_h5_to_index(scp_h5_number type, const void *from, size_t n, size_t limit, int32_t *to);
static inline bool scp_h5_finite(float x)
{
    return fabsf(x) <= FLT_MAX;
}

/** n numbers to float, a double beyond it infinite. Returns whether all are finite. */
bool scp_h5_to_float(scp_h5_number type, const void *from, size_t n, float *to);

#endif
