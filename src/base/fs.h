/* Files: whole-file reads, atomic writes (temporary in the same folder, fsync, rename), folders. */
#ifndef SCP_BASE_FS_H
#define SCP_BASE_FS_H

#include <stdint.h>

#include "base/status.h"

bool scp_fs_exists(const char *path);
bool scp_fs_is_dir(const char *path);

/** Size in bytes. SCP_ENOINPUT when missing. */
scp_status scp_fs_size(const char *path, int64_t *bytes) SCP_MUST_USE;

/* What shows that a file is still the one that it was. */
typedef struct scp_fs_stamp {
    int64_t bytes, modified; /* modified: nanoseconds since 1970 */
} scp_fs_stamp;

/** SCP_ENOINPUT when it cannot be looked at. */
scp_status scp_fs_stamp_get(const char *path, scp_fs_stamp *out) SCP_MUST_USE;

/** Create a folder and its parents; an existing folder is fine. SCP_EIO names the part that
 *  failed. */
scp_status scp_fs_mkdirs(const char *path) SCP_MUST_USE;

/** Check that a file can be created in `dir` (makes and removes a probe). SCP_EIO otherwise. */
scp_status scp_fs_check_writable(const char *dir) SCP_MUST_USE;

/** Path of a file by its place seen from the folder of the running program, e.g.
 *  "../share/scppdm/drugs/drugs.tsv": an installed tree may be moved as a whole. @return whether it
 *  exists; `buf` holds it then. */
bool scp_fs_from_program(char *buf, size_t size, const char *place);

/** Join folder and name. */
scp_status scp_fs_join(char *buf, size_t size, const char *dir, const char *name) SCP_MUST_USE;

/** Whole text file, NUL-terminated. *text owned by the caller. SCP_ENOINPUT when missing. */
scp_status scp_fs_read_text(const char *path, char **text, size_t *len) SCP_MUST_USE;

/** Name of the temporary that stands for `path` while it is written: "path.tmp.<node>.<pid>", so
 *  that processes of two nodes with one number do not meet. */
scp_status scp_fs_tmp_name(char *buf, size_t size, const char *path) SCP_MUST_USE;

/** fsync tmp, rename it to path, fsync the folder. The file appears whole or not at all; on an
 *  error tmp is removed. */
scp_status scp_fs_commit(const char *tmp, const char *path) SCP_MUST_USE;

/** Write a whole text file atomically. */
scp_status scp_fs_write_text(const char *path, const char *text, size_t len) SCP_MUST_USE;

/** The same without fsync, for what is replaced every few seconds: readers see the old text or the
 *  new one; when the machine goes down, perhaps neither. */
scp_status scp_fs_post_text(const char *path, const char *text, size_t len) SCP_MUST_USE;

/** Write n bytes to a descriptor, however many calls it takes; `path` is for the message.
 *  SCP_EIO. */
scp_status scp_fs_write_fd(int fd, const void *data, size_t n, const char *path) SCP_MUST_USE;

/** fsync a file by its name. SCP_EIO. */
scp_status scp_fs_sync(const char *path) SCP_MUST_USE;

/** Remove the temporaries of file `name` in a folder ("name.tmp.<node>.<number>"; NULL: of every
 *  file) that killed processes left. Only where no other process can be writing them. @return how
 *  many there were. */
size_t scp_fs_sweep(const char *dir, const char *name);

/** Remove a file; a missing one is fine. */
void scp_fs_remove(const char *path);

/** Names in a folder that end with `suffix`, sorted. names[i] and *names owned by the caller:
 *  scp_fs_list_free. SCP_ENOINPUT when the folder is missing. */
scp_status scp_fs_list(const char *dir, const char *suffix, char ***names, size_t *n) SCP_MUST_USE;
void scp_fs_list_free(char **names, size_t n);

#endif
