/* Checkpoints of one folder written by a thread while training goes on.
 *
 * The state is copied at a step boundary, into the bytes of the file that are kept from one
 * checkpoint to the next; checksums, fsync, rename, LATEST and the removal of old ones are the
 * thread's. One write at a time: the next copy waits for the write before. While one is under way
 * this process makes no other HDF5 call: wait first. Nothing is collective: rank 0 has a helper. */
#ifndef SCP_IO_CKPT_HELPER_H
#define SCP_IO_CKPT_HELPER_H

#include "io/ckpt.h"

typedef struct scp_ckpt_helper scp_ckpt_helper;

/* What it has done so far. */
typedef struct scp_ckpt_done {
    int64_t step;    /* newest checkpoint on disk; -1: none by this helper           */
    double seconds;  /* that its writing took                                         */
    double computed; /* of them: processor time of the thread                        */
    double waited;   /* seconds that scp_ckpt_helper_begin had to wait, all together */
    double at;       /* scp_clock_seconds() when it was there                        */
} scp_ckpt_done;

/** Start the thread for checkpoints in `dir`, which exists; it keeps the `keep` newest (0: all). A
 *  checkpoint gets its name only after the file `before` is on disk (metrics.jsonl; NULL: none), so
 *  that a node that goes down leaves no checkpoint ahead of its metrics. *out:
 *  scp_ckpt_helper_destroy. */
scp_status scp_ckpt_helper_create(const char *dir, int64_t keep, const char *before,
                                  scp_ckpt_helper **out) SCP_MUST_USE;

/** Begin <dir>/ckpt-<step>.h5 when the write before has ended: its error, if any; SCP_EIO. *out:
 *  put or abort, before anything else is begun. */
scp_status scp_ckpt_helper_begin(scp_ckpt_helper *h, int64_t step,
                                 scp_ckpt_writer **out) SCP_MUST_USE;
/** Hand over the filled writer; *w is the helper's from now on. Does not wait. */
void scp_ckpt_helper_put(scp_ckpt_helper *h, scp_ckpt_writer **w);

/** Error of a write that has ended, once; does not wait. */
scp_status scp_ckpt_helper_poll(scp_ckpt_helper *h) SCP_MUST_USE;
/** The same after waiting for the write under way. */
scp_status scp_ckpt_helper_wait(scp_ckpt_helper *h) SCP_MUST_USE;

scp_ckpt_done scp_ckpt_helper_done(scp_ckpt_helper *h);

/** Wait, end the thread, free. NULL is fine. */
void scp_ckpt_helper_destroy(scp_ckpt_helper **h);

#endif
