/* The record of a training run: lines of metrics.jsonl, TensorBoard events by option, the status
 * file, the progress line. Rank 0 has one; NULL is a record that writes nothing.
 *
 * metrics.jsonl is continuous over restarts: a start that goes on from the checkpoint of step S
 * first drops the lines of its stage beyond S, which it will write again. Stages that may train at
 * the same time have a file each. */
#ifndef SCP_TRAIN_RECORD_H
#define SCP_TRAIN_RECORD_H

#include "train/beat.h"
#include "train/loop.h"

typedef struct scp_record scp_record;

/** Open for a start that goes on after step `from`, whose newest checkpoint that is, and whose
 *  newest validation in it is that of step `scored`; cut metrics.jsonl, write the line of the
 *  start, begin the status file. SCP_EIO. Not collective. *out: scp_record_close. */
scp_status scp_record_open(const scp_job *job, int64_t from, int64_t scored,
                           scp_record **out) SCP_MUST_USE;

/** Path of the file of a stage: <run>/metrics.jsonl of the autoencoder and the model, which come
 *  one after the other; <run>/metrics-<stage>.jsonl of the others, which may train at the same
 *  time. */
scp_status scp_record_path(char *buf, size_t size, const char *run_dir,
                           const char *stage) SCP_MUST_USE;
/** Path of metrics.jsonl. Borrowed. */
const char *scp_record_metrics(const scp_record *r);

/* What is known after a step. */
typedef struct scp_record_step {
    int64_t step;        /* done                                           */
    const double *value; /* [n] means over ranks of job->report, or NULL: this step is not logged */
    int n;
    double lr, grad_norm;
    int64_t skipped;
    int64_t checkpoint;  /* newest on disk, -1: none                       */
} scp_record_step;

/** A step was done: told to the status file, and written when it has values. */
scp_status scp_record_add(scp_record *r, const scp_record_step *s) SCP_MUST_USE;
/** The score of a validation after `step` steps. */
scp_status scp_record_score(scp_record *r, int64_t step, double score) SCP_MUST_USE;

/** Samples a second of this start so far; NaN before the first step. */
double scp_record_rate(const scp_record *r);

/** The run ends, in this state; `checkpoint` is the newest on disk. NULL is fine. */
void scp_record_close(scp_record **r, scp_beat_state state, int64_t step, int64_t checkpoint,
                      const char *message);

#endif
