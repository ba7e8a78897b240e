/* Event files that TensorBoard reads: a TFRecord file of Event messages with scalars. Written as
 * the formats are published (tensorflow/core/util/event.proto, summary.proto,
 * lib/io/record_writer); nothing of TensorFlow is needed. Not collective: rank 0 writes. */
#ifndef SCP_TRAIN_TB_EVENTS_H
#define SCP_TRAIN_TB_EVENTS_H

#include <stdint.h>

#include "base/status.h"

typedef struct scp_tb_events scp_tb_events;

/** Create the file `path` (which must not exist) and write what every event file begins with; with
 *  from_step > 0 also that a run went on, on which TensorBoard forgets events of earlier files from
 *  that step on. `time` is seconds since 1970, for the time stamps. SCP_EIO. *out:
 *  scp_tb_events_close. */
scp_status scp_tb_events_create(const char *path, double time, int64_t from_step,
                                scp_tb_events **out) SCP_MUST_USE;

/** One event: n scalars of a step. */
scp_status scp_tb_events_add(scp_tb_events *e, double time, int64_t step, const char *const *tag,
                             const double *value, size_t n) SCP_MUST_USE;

/** NULL is fine. */
void scp_tb_events_close(scp_tb_events **e);

#endif
