/* What the backends that run on the host share: they must agree on which samples a random op draws
 * for, which elements dropout drops and which indices are valid. Nothing here is collective. */
#ifndef SCP_BACKEND_HOST_OPS_H
#define SCP_BACKEND_HOST_OPS_H

#include <math.h>

#include "tensor/op.h"

/** Rows (dimension 0) of a tensor and the elements of one; a scalar is one row of one element. */
static inline int64_t scp_batch_rows(const scp_shape *s)
{
    return s->n ? s->d[0] : 1;
}
static inline int64_t scp_batch_width(const scp_shape *s)
{
    int64_t rows = scp_batch_rows(s);
    return rows ? scp_shape_count(s) / rows : 0;
}

/** Dropout drops an element when its 32-bit word is below this: an integer test, so that masks are
 * the same bits on every backend. */
static inline uint32_t scp_drop_threshold(double p)
{
    return (uint32_t)(p * 4294967296.0);
}

/** GATHER_DIR: a difference with a norm below this is no direction; its row is zero. */
#define SCP_DIR_MIN_NORM 1e-6

/* Message of a batch normalisation without a variance to learn from; takes the node's name. */
#define SCP_BATCHNORM_ONE_ROW                                                                      \
    "%s: batch normalisation needs 2 rows or more in the global batch: raise the batch size"

/** Running statistic after a batch: moves by m. A batch that is not finite leaves both as they are:
 * its step is skipped, and a NaN would stay for ever. */
static inline void scp_move_states(double m, double batch_mean, double batch_var, double *mean,
                                   double *var)
{
    if (!isfinite(batch_mean) || !isfinite(batch_var)) return;
    *mean = (1.0 - m) * *mean + m * batch_mean;
    *var = (1.0 - m) * *var + m * batch_var;
}

/** SCP_EINTERNAL naming the node, the row and the index when idx[i] is outside [0, bound). */
static inline scp_status scp_check_index(const scp_node *node, const char *what, const int32_t *idx,
                                         int64_t n, int64_t bound)
{
    for (int64_t i = 0; i < n; i++)
        if (idx[i] < 0 || idx[i] >= bound)
            SCP_FAIL(SCP_EINTERNAL, "%s: %s index %d of row %lld is not in [0, %lld)",
                     node->name ? node->name : "unnamed node", what, (int)idx[i], (long long)i,
                     (long long)bound);
    return SCP_OK;
}

#endif
