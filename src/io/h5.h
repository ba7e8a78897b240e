/* HDF5 with errors as values: checked calls, attributes, texts, whole arrays, row slabs, and files
 * that all ranks write together. The only headers that name HDF5 are in src/io.
 *
 * `loc` is an open file, group or dataset, `name` a path below it. Every identifier that a function
 * returns is owned by the caller. Sizes are elements. Errors name file and object, and carry HDF5's
 * own words; statuses: SCP_EDATA damaged or unexpected content, SCP_EIO the system refused,
 * SCP_ENOMEM, SCP_EINTERNAL wrong use. Not collective unless said. */
#ifndef SCP_IO_H5_H
#define SCP_IO_H5_H

#include <stdint.h>

#include <hdf5.h>

#include "base/status.h"
#include "comm/comm.h"

/** Start HDF5 and silence its own error printer. Cheap to call again; every function here that
 * opens a file calls it. After MPI_Init in a parallel program. */
scp_status scp_h5_init(void) SCP_MUST_USE;

/** Turn HDF5's error stack into our chain and clear it. `loc` and `name` say what the call was
 * about (H5I_INVALID_HID and NULL when there is nothing to say). Used by the macros below. */
scp_status scp_h5_raise(const char *file, int line, const char *call, hid_t loc, const char *name);

/* HDF5 calls; a negative result is a failure. Each evaluates its call once and keeps its text. */
#define SCP_H5(call)                                                                               \
    do {                                                                                           \
        if ((call) < 0) return scp_h5_raise(__FILE__, __LINE__, #call, H5I_INVALID_HID, NULL);     \
    } while (0)
#define SCP_H5_GOTO(label, call) SCP_H5AT_GOTO(label, H5I_INVALID_HID, NULL, call)
#define SCP_H5ID_GOTO(label, id, call)                                                             \
    do {                                                                                           \
        (id) = (call);                                                                             \
        if ((id) < 0) {                                                                            \
            st = scp_h5_raise(__FILE__, __LINE__, #call, H5I_INVALID_HID, NULL);                   \
            goto label;                                                                            \
        }                                                                                          \
    } while (0)
/* The same, and the message names the object `name` below `loc` (name may be NULL: loc itself). */
#define SCP_H5AT_GOTO(label, loc, name, call)                                                      \
    do {                                                                                           \
        if ((call) < 0) {                                                                          \
            st = scp_h5_raise(__FILE__, __LINE__, #call, (loc), (name));                           \
            goto label;                                                                            \
        }                                                                                          \
    } while (0)
#define SCP_H5IDAT_GOTO(label, loc, name, id, call)                                                \
    do {                                                                                           \
        (id) = (call);                                                                             \
        if ((id) < 0) {                                                                            \
            st = scp_h5_raise(__FILE__, __LINE__, #call, (loc), (name));                           \
            goto label;                                                                            \
        }                                                                                          \
    } while (0)
/* Cleanup: a failure counts only when nothing failed before. */
#define SCP_H5_KEEP(st, call)                                                                      \
    do {                                                                                           \
        if ((call) < 0 && (st) == SCP_OK)                                                          \
            (st) = scp_h5_raise(__FILE__, __LINE__, #call, H5I_INVALID_HID, NULL);                 \
    } while (0)

/* ---- files ---- */

/** Open read-only. SCP_ENOINPUT missing, SCP_EDATA not HDF5 or truncated. */
scp_status scp_h5_open(const char *path, hid_t *file) SCP_MUST_USE;
/** Create or truncate. SCP_EIO. */
scp_status scp_h5_create(const char *path, hid_t *file) SCP_MUST_USE;
/** The same with `user_bytes` (0, or a power of two from 512) left free before HDF5's own content.
 */
scp_status scp_h5_create_after(const char *path, size_t user_bytes, hid_t *file) SCP_MUST_USE;
/* Memory for files in memory, one at a time, kept from one to the next: pages that are new to the
 * process cost several times what is done with them. All zero: none yet. */
typedef struct scp_h5_memory {
    char *bytes; /* [size], aligned to SCP_H5_PAGE */
    size_t size;
} scp_h5_memory;

enum { SCP_H5_PAGE = 4096 };

/** Have at least `size` bytes; what was there is kept. SCP_ENOMEM. */
scp_status scp_h5_memory_reserve(scp_h5_memory *m, size_t size) SCP_MUST_USE;
void scp_h5_memory_fini(scp_h5_memory *m);

/** A file in `memory` alone, which is borrowed until it is closed; `path` names it in messages.
 *  All that is in it begins at multiples of `align`. Closing it writes nothing anywhere. */
scp_status scp_h5_image_create(const char *path, size_t user_bytes, size_t align,
                               scp_h5_memory *memory, hid_t *file) SCP_MUST_USE;
/** Its bytes [*n] as they would be on disk, the user block included; borrowed until the file is
 *  changed or closed. */
scp_status scp_h5_image(hid_t file, char **bytes, size_t *n) SCP_MUST_USE;
/** Create or open a file that all ranks use together (MPI-IO). The status is agreed. Collective. */
scp_status scp_h5_open_all(scp_comm *comm, const char *path, hid_t *file) SCP_MUST_USE;
scp_status scp_h5_create_all(scp_comm *comm, const char *path, hid_t *file) SCP_MUST_USE;
/** Close a file and everything still open in it; *file becomes invalid. Collective for a file from
 *  open_all or create_all: never on an error path of one rank alone. */
scp_status scp_h5_close(hid_t *file) SCP_MUST_USE;

/** "file.h5:/group/name" for messages, cut to size. Returns buf. */
const char *scp_h5_where(hid_t loc, const char *name, char *buf, size_t size);

/* ---- objects ---- */

/** Is there an object `name` (a path of one or more links) below loc? False on damage too. */
bool scp_h5_exists(hid_t loc, const char *name);
/** Is it a group? a dataset? */
bool scp_h5_is_group(hid_t loc, const char *name);
bool scp_h5_is_dataset(hid_t loc, const char *name);
/** Link properties that create missing parents. *lcpl: H5Pclose. */
scp_status scp_h5_parents(hid_t *lcpl) SCP_MUST_USE;
/** Create a group (missing parents too). `group` may be NULL: closed at once. Collective on a
 *  parallel file, as everything below that creates or sets. */
scp_status scp_h5_group_create(hid_t loc, const char *name, hid_t *group) SCP_MUST_USE;
scp_status scp_h5_group_open(hid_t loc, const char *name, hid_t *group) SCP_MUST_USE;
/** Open a dataset; SCP_EDATA names a filter that this HDF5 cannot read. */
scp_status scp_h5_dataset_open(hid_t loc, const char *name, hid_t *dset) SCP_MUST_USE;
/** The same for reading on in blocks of entries of dimension 0: with a chunk cache that holds the
 *  chunks along one entry, so that each chunk is decompressed once. */
scp_status scp_h5_dataset_open_cached(hid_t loc, const char *name, hid_t *dset) SCP_MUST_USE;
/** SCP_EDATA unless the dataset holds numbers (integers, reals, booleans), or integers only. */
scp_status scp_h5_check_number(hid_t dset, bool integer) SCP_MUST_USE;

/* ---- attributes ---- */

bool scp_h5_has_attr(hid_t obj, const char *name);
/** Text, of variable or fixed length, or the only element of an array of one. *out: free. */
scp_status scp_h5_attr_text(hid_t obj, const char *name, char **out) SCP_MUST_USE;
/** Array of texts; any type is accepted for length 0. (*out)[i] and *out: scp_fs_list_free. */
scp_status scp_h5_attr_texts(hid_t obj, const char *name, char ***out, size_t *n) SCP_MUST_USE;
/** Exactly n integers (a scalar counts as one). */
scp_status scp_h5_attr_i64(hid_t obj, const char *name, size_t n, int64_t *out) SCP_MUST_USE;
scp_status scp_h5_attr_real(hid_t obj, const char *name, size_t n, double *out) SCP_MUST_USE;
/** Path of the object that the attribute, one object reference, leads to; "" when it is none, or
 *  leads nowhere. */
scp_status scp_h5_attr_link(hid_t obj, const char *name, char *link, size_t size) SCP_MUST_USE;

/** Set (the attribute must not exist). Texts are variable-length UTF-8. n = 0 makes a scalar of one
 *  value in set_i64 and set_real, an empty array in set_texts. */
scp_status scp_h5_set_text(hid_t obj, const char *name, const char *value) SCP_MUST_USE;
scp_status scp_h5_set_texts(hid_t obj, const char *name, const char *const *values,
                            size_t n) SCP_MUST_USE;
scp_status scp_h5_set_i64(hid_t obj, const char *name, size_t n,
                          const int64_t *values) SCP_MUST_USE;
scp_status scp_h5_set_real(hid_t obj, const char *name, size_t n,
                           const double *values) SCP_MUST_USE;
/** Boolean as h5py writes it: an enum FALSE, TRUE over int8. */
scp_status scp_h5_set_bool(hid_t obj, const char *name, bool value) SCP_MUST_USE;
/** That enum type, for arrays of booleans. *type: H5Tclose. */
scp_status scp_h5_bool_type(hid_t *type) SCP_MUST_USE;
/** Variable-length UTF-8 text. *type: H5Tclose. */
scp_status scp_h5_text_type(hid_t *type) SCP_MUST_USE;

/* ---- whole datasets ---- */

enum { SCP_H5_MAX_RANK = 3 };

/* How a new dataset is stored. Zeroed: contiguous. A chunk extent beyond the dataset is cut. */
typedef struct scp_h5_layout {
    size_t chunk[SCP_H5_MAX_RANK]; /* elements of a chunk in each dimension; 0 in [0]: contiguous */
    bool shuffle;
    int deflate; /* 0..9 */
    bool grows;  /* dimension 0 may grow (scp_h5_append) */
    bool sparse; /* of io/pack.h, when io/h5_out.h writes it */
} scp_h5_layout;

/** Rank (0 for a scalar) and extents of an open dataset; SCP_EDATA beyond SCP_H5_MAX_RANK. */
scp_status scp_h5_extent(hid_t dset, int *rank, size_t dims[SCP_H5_MAX_RANK]) SCP_MUST_USE;

/** Create a dataset of `rank` dimensions (0: scalar), of the given type in file, and missing parent
 *  groups. layout NULL: contiguous. dset NULL: closed at once. */
scp_status scp_h5_dataset_create(hid_t loc, const char *name, hid_t type, int rank,
                                 const size_t *dims, const scp_h5_layout *layout,
                                 hid_t *dset) SCP_MUST_USE;

/** Create and write whole; `type` is both the memory and the file type. Serial files only. */
scp_status scp_h5_write(hid_t loc, const char *name, hid_t type, int rank, const size_t *dims,
                        const scp_h5_layout *layout, const void *data) SCP_MUST_USE;
/** Read whole into memory of `type`; the dataset must have exactly these extents (SCP_EDATA names
 *  both shapes), and hold numbers where `type` is numeric, integers where it is integer. */
scp_status scp_h5_read(hid_t loc, const char *name, hid_t type, int rank, const size_t *dims,
                       void *data) SCP_MUST_USE;

/** A scalar number: rank 0 of the two above. */
scp_status scp_h5_write_i64(hid_t loc, const char *name, int64_t value) SCP_MUST_USE;
scp_status scp_h5_read_i64(hid_t loc, const char *name, int64_t *out) SCP_MUST_USE;
scp_status scp_h5_write_real(hid_t loc, const char *name, double value) SCP_MUST_USE;
scp_status scp_h5_read_real(hid_t loc, const char *name, double *out) SCP_MUST_USE;

/** A scalar text. *out: free. */
scp_status scp_h5_write_text(hid_t loc, const char *name, const char *value) SCP_MUST_USE;
scp_status scp_h5_read_text(hid_t loc, const char *name, char **out) SCP_MUST_USE;
/** A 1-D array of texts, variable UTF-8 when written, variable or fixed length when read (trailing
 *  NULs and space padding of fixed texts removed). (*out)[i] and *out: scp_fs_list_free. */
scp_status scp_h5_write_texts(hid_t loc, const char *name, const char *const *values, size_t n,
                              const scp_h5_layout *layout) SCP_MUST_USE;
scp_status scp_h5_read_texts(hid_t loc, const char *name, char ***out, size_t *n) SCP_MUST_USE;

/* ---- parts of a dataset: entries [first, first + n) of dimension 0, all of the others ---- */

scp_status scp_h5_read_slab(hid_t dset, hid_t type, size_t first, size_t n,
                            void *data) SCP_MUST_USE;
scp_status scp_h5_write_slab(hid_t dset, hid_t type, size_t first, size_t n,
                             const void *data) SCP_MUST_USE;
/** Grow dimension 0 by n and write there (layout.grows). */
scp_status scp_h5_append(hid_t dset, hid_t type, size_t n, const void *data) SCP_MUST_USE;

/** The same on a parallel file, in one collective transfer: rank r gives its own range, which may
 * be empty (n = 0, data may be NULL); ranges must not overlap when writing. `type` must be the type
 * in the file: HDF5 silently falls back to independent transfers otherwise, and refuses for
 * filtered datasets (SCP_EINTERNAL here). Split into rounds of at most 1 GiB a rank, cut at chunk
 * borders. The status is agreed. Collective. */
scp_status scp_h5_read_slab_all(scp_comm *comm, hid_t dset, hid_t type, size_t first, size_t n,
                                void *data) SCP_MUST_USE;
scp_status scp_h5_write_slab_all(scp_comm *comm, hid_t dset, hid_t type, size_t first, size_t n,
                                 const void *data) SCP_MUST_USE;

#endif
