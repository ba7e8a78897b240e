/* Checkpoints: named arrays, numbers and texts in one HDF5 file that is either whole or refused.
 *
 * Layout: 512 bytes of text, then an HDF5 file with one 1-D dataset per name and one of checksums,
 * an XXH3 hash for each other; the text holds magic, format number, length of the file, the place
 * of the checksums and the hash of all bytes that these do not cover. Opening checks every byte
 * before HDF5 looks at anything; reading an array checks what it got again. Names may hold '/'.
 * Equal content, equal bytes.
 *
 * Writing is atomic: temporary name, fsync, rename. Entries are gathered in memory first, so that a
 * training step waits for a copy only and the rest may happen elsewhere (io/ckpt_helper.h). Nothing
 * here is collective: rank 0 calls it. */
#ifndef SCP_IO_CKPT_H
#define SCP_IO_CKPT_H

#include <stdint.h>

#include "base/status.h"

/* ---- writing ---- */

typedef struct scp_ckpt_writer scp_ckpt_writer;
typedef struct scp_ckpt_image scp_ckpt_image; /* the bytes of a file, io/ckpt_image.h */

/** Begin a checkpoint that will appear as `path`. SCP_EIO. *out: commit or abort. */
scp_status scp_ckpt_writer_create(const char *path, scp_ckpt_writer **out) SCP_MUST_USE;

/** The same with the bytes of the file in `image` (NULL: in memory of its own), borrowed until the
 *  writer is gone. Entries of the names, types and lengths that the image had before, in the same
 *  order, are put straight to their places; what is in the image is lost from the first one on. */
scp_status scp_ckpt_writer_create_on(scp_ckpt_image *image, const char *path,
                                     scp_ckpt_writer **out) SCP_MUST_USE;

/** Write the same bytes to a second file too, before the first (best.h5 beside ckpt-<step>.h5). */
scp_status scp_ckpt_writer_also(scp_ckpt_writer *w, const char *path) SCP_MUST_USE;

/** Add an array [n] under a new name (n = 0 is fine); it is copied. SCP_EINTERNAL: a name twice. */
scp_status scp_ckpt_add_f32(scp_ckpt_writer *w, const char *name, const float *v,
                            size_t n) SCP_MUST_USE;
/** The same without the copy: *room [n] is to be filled before anything else is done with w. */
scp_status scp_ckpt_add_f32_room(scp_ckpt_writer *w, const char *name, size_t n,
                                 float **room) SCP_MUST_USE;
scp_status scp_ckpt_add_f64(scp_ckpt_writer *w, const char *name, const double *v,
                            size_t n) SCP_MUST_USE;
scp_status scp_ckpt_add_i64(scp_ckpt_writer *w, const char *name, const int64_t *v,
                            size_t n) SCP_MUST_USE;
scp_status scp_ckpt_add_bytes(scp_ckpt_writer *w, const char *name, const void *v,
                              size_t n) SCP_MUST_USE;
/** Add one number or one text. */
scp_status scp_ckpt_add_int(scp_ckpt_writer *w, const char *name, int64_t v) SCP_MUST_USE;
scp_status scp_ckpt_add_real(scp_ckpt_writer *w, const char *name, double v) SCP_MUST_USE;
scp_status scp_ckpt_add_text(scp_ckpt_writer *w, const char *name, const char *text) SCP_MUST_USE;

/** Make the file in memory, checksum, write, fsync, rename. Destroys *w in any case; on failure
 *  nothing is left behind, and a file of that name stays what it was. Calls HDF5; any thread, one
 *  at a time. SCP_EIO: what the system said, e.g. a full disk. */
scp_status scp_ckpt_writer_commit(scp_ckpt_writer **w) SCP_MUST_USE;
/** Drop the temporary. NULL is fine. */
void scp_ckpt_writer_abort(scp_ckpt_writer **w);

/* ---- reading ---- */

typedef struct scp_ckpt scp_ckpt;

/** Check the whole file as scp_ckpt_open does, without HDF5. */
scp_status scp_ckpt_check(const char *path) SCP_MUST_USE;

/** Open after checking the whole file. SCP_ENOINPUT missing; SCP_EDATA not a checkpoint, a newer
 *  format, truncated or damaged. *out: scp_ckpt_close. */
scp_status scp_ckpt_open(const char *path, scp_ckpt **out) SCP_MUST_USE;
void scp_ckpt_close(scp_ckpt **c);
const char *scp_ckpt_path(const scp_ckpt *c);

bool scp_ckpt_has(const scp_ckpt *c, const char *name);
/** Elements of an array, bytes of a text. SCP_EDATA when the name is missing. */
scp_status scp_ckpt_length(const scp_ckpt *c, const char *name, size_t *n) SCP_MUST_USE;

/** Read an array of exactly n elements of the type it was added with; SCP_EDATA otherwise. */
scp_status scp_ckpt_get_f32(const scp_ckpt *c, const char *name, float *v, size_t n) SCP_MUST_USE;
scp_status scp_ckpt_get_f64(const scp_ckpt *c, const char *name, double *v, size_t n) SCP_MUST_USE;
scp_status scp_ckpt_get_i64(const scp_ckpt *c, const char *name, int64_t *v, size_t n) SCP_MUST_USE;
scp_status scp_ckpt_get_bytes(const scp_ckpt *c, const char *name, void *v, size_t n) SCP_MUST_USE;
scp_status scp_ckpt_get_int(const scp_ckpt *c, const char *name, int64_t *v) SCP_MUST_USE;
scp_status scp_ckpt_get_real(const scp_ckpt *c, const char *name, double *v) SCP_MUST_USE;
/** *text: free. */
scp_status scp_ckpt_get_text(const scp_ckpt *c, const char *name, char **text) SCP_MUST_USE;

/* ---- a run folder: ckpt-<step>.h5 and LATEST, which holds the name of one of them ---- */

/** Path of the checkpoint of a step. */
scp_status scp_ckpt_name(char *buf, size_t size, const char *dir, int64_t step) SCP_MUST_USE;

/** Make the committed checkpoint of `step` the latest, then remove all but the `keep` newest up to
 *  it (0: keep all), and all newer ones, which were passed over as damaged. A checkpoint that
 *  cannot be removed is only logged. */
scp_status scp_ckpt_publish(const char *dir, int64_t step, int64_t keep) SCP_MUST_USE;

/** Open the checkpoint that LATEST names; when LATEST or its target is missing or damaged, the
 * newest one that opens, with a warning in the log. *step is its step. SCP_ENOINPUT when the folder
 * holds no checkpoint, SCP_EDATA when none of them opens. */
scp_status scp_ckpt_latest(const char *dir, scp_ckpt **out, int64_t *step) SCP_MUST_USE;

#endif
