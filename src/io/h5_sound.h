/* Checks for damage that HDF5 reads over in silence. Private to src/io. */
#ifndef SCP_IO_H5_SOUND_H
#define SCP_IO_H5_SOUND_H

#include "io/h5.h"

/** Refuse numbers that no writer stores: HDF5 keeps bit offset, precision, exponent and bias of a
 *  type beside its size and reads by them, so a flipped bit there gives other numbers. Integers
 *  of 1, 2, 4, 8 bytes and IEEE reals of 2, 4, 8 are fine, in any byte order; enums by their base;
 *  other classes are not looked at. `where` is for the message. SCP_EDATA. */
scp_status scp_h5_check_type(hid_t type, const char *where) SCP_MUST_USE;

/** Refuse a dataset with a chunk that is missing or does not unpack to its length: HDF5 1.10 takes
 *  what comes out of the filters for a whole chunk, and reads beyond its end. Every chunk is
 *  unpacked once for this; those of variable-length texts are only looked up
 *  (scp_h5_check_texts does the rest). */
scp_status scp_h5_check_stored(hid_t dset, const char *where) SCP_MUST_USE;

/** Refuse a chunked dataset of one dimension that lacks a chunk: HDF5 would read zeros there. */
scp_status scp_h5_check_chunks(hid_t dset, const char *where) SCP_MUST_USE;

#endif
