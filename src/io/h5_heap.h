/* The references behind variable-length texts: those of a dataset are checked before HDF5 follows
 * them, those of an attribute are followed here. Private to src/io. */
#ifndef SCP_IO_H5_HEAP_H
#define SCP_IO_H5_HEAP_H

#include "io/h5.h"

/** Check elements [first, first + n) of a 1-D dataset of variable-length texts: each reference
 * leads to an object of its length inside a global heap collection of the file. SCP_EDATA names the
 * element. Does nothing where the references cannot be seen: another type, a compressed or chunked
 * dataset, a file that is being written or is not a plain local one. */
scp_status scp_h5_check_texts(hid_t dset, size_t first, size_t n) SCP_MUST_USE;

/** The references of an open attribute of n variable-length texts as they lie in the file,
 * SCP_H5_REFERENCE_BYTES each (io/h5_chunk.h). *refs: free. */
scp_status scp_h5_attr_references(hid_t attr, size_t n, uint8_t **refs) SCP_MUST_USE;

/** Read the texts of such an attribute from the global heap. texts [n], nulls on entry: each free,
 * on failure too. SCP_EDATA names the text whose reference is damaged. *seen is false and nothing
 * is read where references cannot be followed: a file that is being written or is not a plain local
 * one. `where` is for messages. */
scp_status scp_h5_attr_heap_texts(hid_t attr, size_t n, const char *where, char **texts,
                                  bool *seen) SCP_MUST_USE;

#endif
