/* The bytes of a checkpoint file in memory. Where every array lies in it is settled once, by HDF5,
 * and stays while names, types and lengths stay; the next checkpoint is then copied straight to its
 * places and hashed there. Pages of the memory stay too: new ones cost more than all the rest. */
#ifndef SCP_IO_CKPT_IMAGE_H
#define SCP_IO_CKPT_IMAGE_H

#include "base/str.h"
#include "io/ckpt_impl.h"
#include "io/h5.h"

typedef struct scp_ckpt_entry {
    scp_ckpt_type type;
    size_t n;
    void *v; /* [n] */
} scp_ckpt_entry;

/* All zero: nothing is settled yet. */
struct scp_ckpt_image {
    scp_h5_memory memory;
    size_t length;               /* of the file; 0: nothing is settled                  */
    scp_names *names;            /* the entries in the order they were added            */
    scp_ckpt_entry *entry;       /* v lies in memory; of an empty one it is not NULL    */
    int64_t (*row)[SCP_CKPT_ROW]; /* [rows] in memory: the dataset of checksums          */
    size_t rows;
};

void scp_ckpt_image_fini(scp_ckpt_image *m);

/** The place of entry `index` if it has this name, type and length, else NULL. */
void *scp_ckpt_image_place(const scp_ckpt_image *m, size_t index, const char *name,
                           scp_ckpt_type t, size_t n);

/** Settle a layout for these entries and move their contents there. names and entries (allocated,
 *  as each v) are m's from now on, also on an error. path: for messages. Calls HDF5. */
scp_status scp_ckpt_image_make(scp_ckpt_image *m, const char *path, scp_names **names,
                               scp_ckpt_entry **entry) SCP_MUST_USE;

/** Hash what lies in the places and write rows and head: memory.bytes [length] are the file. */
scp_status scp_ckpt_image_seal(scp_ckpt_image *m) SCP_MUST_USE;

#endif
