/* UNIT on cpu: formulas in backend/ref/unit.c. Sums are fp64, rows go to the threads. */
#include <math.h>

#include "backend/cpu/cpu_ops.h"
#include "backend/cpu/par.h"

static double dot(const float *a, const float *b, int64_t n)
{
    double sum = 0.0;
#pragma omp simd reduction(+ : sum)
    for (int64_t j = 0; j < n; j++) sum += (double)a[j] * b[j];
    return sum;
}

static scp_status unit_fwd(const scp_call *c)
{
    int64_t R = scp_shape_rows(&c->node->shape), D = scp_shape_last(&c->node->shape);
    const float *x = c->in[0];
    float *y = c->out, *norm = c->aux;
#pragma omp parallel for schedule(static) if (R * D > SCP_PAR_MIN)
    for (int64_t r = 0; r < R; r++) {
        double n = fmax(sqrt(dot(x + r * D, x + r * D, D)), SCP_UNIT_FLOOR);
        norm[r] = (float)n;
        for (int64_t j = 0; j < D; j++) y[r * D + j] = (float)(x[r * D + j] / n);
    }
    return SCP_OK;
}

static scp_status unit_bwd(const scp_call *c)
{
    int64_t R = scp_shape_rows(&c->node->shape), D = scp_shape_last(&c->node->shape);
    const float *y = c->out, *dy = c->dout, *norm = c->aux;
    float *dx = c->din[0];
#pragma omp parallel for schedule(static) if (R * D > SCP_PAR_MIN)
    for (int64_t r = 0; r < (dx ? R : 0); r++) {
        bool floored = norm[r] <= (float)SCP_UNIT_FLOOR;
        double along = floored ? 0 : dot(y + r * D, dy + r * D, D);
        for (int64_t j = 0; j < D; j++)
            scp_put(&dx[r * D + j], c->add[0],
                    (float)((dy[r * D + j] - y[r * D + j] * along) / norm[r]));
    }
    return SCP_OK;
}
const scp_op_impl SCP_CPU(unit) = { .op = SCP_OP_UNIT, .fwd = unit_fwd, .bwd = unit_bwd };
