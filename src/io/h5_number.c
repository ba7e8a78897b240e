/* Conversions: one loop for each type, without branches, for the compiler to vectorise. */
#include "io/h5_number.h"

#include "base/machine.h"

size_t scp_h5_number_bytes(scp_h5_number type)
{
    static const uint8_t bytes[] = { 1, 2, 4, 8, 1, 2, 4, 8, 4, 8 };
    return bytes[type];
}

scp_h5_number scp_h5_number_of(hid_t type)
{
    const hid_t known[] = { H5T_STD_U8LE,   H5T_STD_U16LE, H5T_STD_U32LE, H5T_STD_U64LE,
                            H5T_STD_I8LE,   H5T_STD_I16LE, H5T_STD_I32LE, H5T_STD_I64LE,
                            H5T_IEEE_F32LE, H5T_IEEE_F64LE };
    hid_t base = H5Tget_class(type) == H5T_ENUM ? H5Tget_super(type) : H5Tcopy(type);
    scp_h5_number which = SCP_H5_U1;
    while (which < SCP_H5_N_NUMBERS && !(base >= 0 && H5Tequal(base, known[which]) > 0)) which++;
    if (base >= 0) H5Tclose(base);
    return which;
}

/* A value out of [0, limit) has a high bit set, or its low 31 bits are at least limit. */
#define INDEX_LOOP(NAME, TYPE)                                                                     \
    SCP_ANY_MACHINE                                                                                \
    static bool NAME(const TYPE *from, size_t n, int32_t limit, int32_t *to)                       \
    {                                                                                              \
        uint64_t seen = 0;                                                                         \
        int32_t over = 0;                                                                          \
        for (size_t i = 0; i < n; i++) {                                                           \
            int32_t x = (int32_t)from[i];                                                          \
            seen |= (uint64_t)from[i];                                                             \
            over |= -(int32_t)(x >= limit);                                                        \
            to[i] = x;                                                                             \
        }                                                                                          \
        if (seen <= INT32_MAX && !over) return true;                                               \
        for (size_t i = 0; i < n; i++)                                                             \
            to[i] = (double)from[i] > INT32_MAX   ? INT32_MAX                                      \
                    : (double)from[i] < INT32_MIN ? INT32_MIN                                      \
                                                  : (int32_t)from[i];                              \
        return false;                                                                              \
    }
INDEX_LOOP(index_u1, uint8_t)
INDEX_LOOP(index_u2, uint16_t)
INDEX_LOOP(index_u4, uint32_t)
INDEX_LOOP(index_u8, uint64_t)
INDEX_LOOP(index_i1, int8_t)
INDEX_LOOP(index_i2, int16_t)
INDEX_LOOP(index_i4, int32_t)
INDEX_LOOP(index_i8, int64_t)

bool scp_h5_to_index(scp_h5_number type, const void *from, size_t n, size_t limit, int32_t *to)
{
    switch (type) {
    case SCP_H5_U1:
        return index_u1(from, n, (int32_t)limit, to);
    case SCP_H5_U2:
        return index_u2(from, n, (int32_t)limit, to);
    case SCP_H5_U4:
        return index_u4(from, n, (int32_t)limit, to);
    case SCP_H5_U8:
        return index_u8(from, n, (int32_t)limit, to);
    case SCP_H5_I1:
        return index_i1(from, n, (int32_t)limit, to);
    case SCP_H5_I2:
        return index_i2(from, n, (int32_t)limit, to);
    case SCP_H5_I4:
        return index_i4(from, n, (int32_t)limit, to);
    case SCP_H5_I8:
        return index_i8(from, n, (int32_t)limit, to);
    default:
        return false;
    }
}

#define FLOAT_LOOP(NAME, TYPE)                                                                     \
    SCP_ANY_MACHINE                                                                                \
    static bool NAME(const TYPE *from, size_t n, float *to)                                        \
    {                                                                                              \
        for (size_t i = 0; i < n; i++) to[i] = (float)from[i];                                     \
        return true;                                                                               \
    }
FLOAT_LOOP(float_u1, uint8_t)
FLOAT_LOOP(float_u2, uint16_t)
FLOAT_LOOP(float_u4, uint32_t)
FLOAT_LOOP(float_u8, uint64_t)
FLOAT_LOOP(float_i1, int8_t)
FLOAT_LOOP(float_i2, int16_t)
FLOAT_LOOP(float_i4, int32_t)
FLOAT_LOOP(float_i8, int64_t)

#define REAL_LOOP(NAME, TYPE)                                                                      \
    SCP_ANY_MACHINE                                                                                \
    static bool NAME(const TYPE *from, size_t n, float *to)                                        \
    {                                                                                              \
        int32_t bad = 0;                                                                           \
        for (size_t i = 0; i < n; i++) {                                                           \
            float x = (float)from[i];                                                              \
            bad |= -(int32_t)!scp_h5_finite(x);                                                    \
            to[i] = x;                                                                             \
        }                                                                                          \
        return !bad;                                                                               \
    }
REAL_LOOP(float_f4, float)
REAL_LOOP(float_f8, double)

bool scp_h5_to_float(scp_h5_number type, const void *from, size_t n, float *to)
{
    switch (type) {
    case SCP_H5_U1:
        return float_u1(from, n, to);
    case SCP_H5_U2:
        return float_u2(from, n, to);
    case SCP_H5_U4:
        return float_u4(from, n, to);
    case SCP_H5_U8:
        return float_u8(from, n, to);
    case SCP_H5_I1:
        return float_i1(from, n, to);
    case SCP_H5_I2:
        return float_i2(from, n, to);
    case SCP_H5_I4:
        return float_i4(from, n, to);
    case SCP_H5_I8:
        return float_i8(from, n, to);
    case SCP_H5_F4:
        return float_f4(from, n, to);
    case SCP_H5_F8:
        return float_f8(from, n, to);
    default:
        return false;
    }
}
