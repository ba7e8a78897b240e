/* Datasets of numbers as stored chunks: fetched as they lie in the file, hashed, and undone
 * (inflate, unshuffle, LZF) outside HDF5, so that several threads work at once. Private to src/io.
 *
 * HDF5 is not thread-safe: every call of it goes through one lock, held for looking up and copying
 * stored bytes, not for inflating. (Asking HDF5 1.10 for addresses instead,
 * H5Dget_chunk_info_by_coord, walks the whole index from its beginning for each chunk;
 * H5Dread_chunk looks it up.)
 *
 * What is not stored in chunks is read in pieces of rows, which count as its chunks: contiguous
 * data by pread, anything that this file cannot undo itself (other filters, types, drivers) by HDF5
 * with its own conversion. So whatever HDF5 reads can be read here. */
#ifndef SCP_IO_H5_CHUNK_H
#define SCP_IO_H5_CHUNK_H

#include <pthread.h>

#include "io/h5_number.h"
#include "io/inflate.h"

typedef enum scp_h5_store {
    SCP_H5_STORED_CHUNKS,
    SCP_H5_STORED_WHOLE, /* contiguous */
    SCP_H5_CONVERTED     /* by HDF5    */
} scp_h5_store;

typedef enum scp_h5_packing { SCP_H5_PLAIN, SCP_H5_DEFLATED, SCP_H5_LZF_PACKED } scp_h5_packing;

/* A dataset of 1 or 2 dimensions. Chunk (i, j) holds elements from (i * chunk[0], j * chunk[1]);
 * one dimension: dims[1] = chunk[1] = 1. The public members are read-only. */
typedef struct scp_h5_chunks {
    size_t dims[2], chunk[2], count[2]; /* elements; elements of a chunk; chunks                  */
    scp_h5_number type;                 /* of decoded elements                                    */
    char where[1024];                   /* "file:/X/data" for messages                            */

    hid_t dset; /* from here on: private */
    pthread_mutex_t *lock;
    scp_h5_store store;
    bool integer, any; /* any: elements are only bytes */
    size_t bytes; /* of an element */
    scp_h5_packing packing;
    bool shuffle;
    uint32_t packing_bit, shuffle_bit; /* of a chunk's filter mask: not applied to it */
    int fd;
    uint64_t offset, file_size, seed;
} scp_h5_chunks;

/* What one thread needs. Zero-initialise; scp_h5_decoder_fini frees. */
typedef struct scp_h5_decoder {
    uint8_t *stored, *packed, *shuffled; /* as in the file; after inflating; after unshuffling */
    size_t cap_stored, cap_packed, cap_shuffled;
    size_t n_stored; /* bytes of the chunk fetched last */
    uint32_t mask;
    scp_inflater *inflater;
} scp_h5_decoder;

/** Look at an open dataset of 1 or 2 dimensions that holds numbers (integers if `integer`). dset
 * and lock are borrowed while *c is in use. Not to be called while others hold the lock. */
scp_status scp_h5_chunks_open(hid_t dset, bool integer, pthread_mutex_t *lock,
                              scp_h5_chunks *c) SCP_MUST_USE;

/** The same for elements of any type that take `bytes` in the file, to be decoded as bytes; a
 *  dataset of no dimension is one element. c->store is SCP_H5_CONVERTED when they cannot be had. */
scp_status scp_h5_chunks_open_bytes(hid_t dset, size_t bytes, pthread_mutex_t *lock,
                                    scp_h5_chunks *c) SCP_MUST_USE;
/** Bytes of the references by which texts of variable length are stored, in a file whose addresses
 *  and lengths have 8 bytes. */
enum { SCP_H5_REFERENCE_BYTES = 16 };

/** Look every chunk up in the file's index; nothing is read. SCP_EDATA for one that is missing, or
 *  of an impossible length. */
scp_status scp_h5_chunks_look(const scp_h5_chunks *c) SCP_MUST_USE;

/** Bytes that a decoder allocates at most for chunks of c. */
size_t scp_h5_decoder_bytes(const scp_h5_chunks *c);

/** Fetch the stored bytes of chunk (i, j) into d. SCP_EDATA when the file is damaged, SCP_EIO. */
scp_status scp_h5_chunk_fetch(const scp_h5_chunks *c, size_t i, size_t j,
                              scp_h5_decoder *d) SCP_MUST_USE;
/** Hash of the stored bytes fetched last, of the dataset's name and the chunk's place. */
uint64_t scp_h5_chunk_digest(const scp_h5_chunks *c, size_t i, size_t j, const scp_h5_decoder *d);
/** Undo the filters of what was fetched last; *elements [chunk[0], chunk[1]], in d until the next
 *  fetch; of a chunk that reaches beyond dims only what lies within is sure to be there. SCP_EDATA
 *  names dataset and chunk when they cannot be undone. */
scp_status scp_h5_chunk_decode(const scp_h5_chunks *c, size_t i, size_t j, scp_h5_decoder *d,
                               const void **elements) SCP_MUST_USE;

void scp_h5_decoder_fini(scp_h5_decoder *d);

#endif
