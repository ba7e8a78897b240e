/* Checks for damage that HDF5 reads over in silence. Private to src/io. */
#ifndef SCP_IO_H5_SOUND_H
#define SCP_IO_H5_SOUND_H

#include "io/h5.h"

/** Refuse numbers that no writer stores: HDF5 keeps bit offset, precision, exponent and bias of a
 *  type beside its size and reads by them, so a flipped bit there gives other numbers. Integers
 *  of 1, 2, 4, 8 bytes and IEEE reals of 2, 4, 8 are fine, in any byte order; enums by their base;
 *  other classes are not looked at. `where` is for the message. SCP_EDATA. */
scp_status scp_h5_check_type(hid_t type, const char *where) SCP_MUST_USE;

/** Refuse a chunked dataset of one dimension that lacks a chunk: HDF5 would read zeros there. */
scp_status scp_h5_check_chunks(hid_t dset, const char *where) SCP_MUST_USE;

#endif
