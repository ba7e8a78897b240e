/* What a diffusion step draws and mixes; letters as in tensor/op.h. Draws are pure functions of
 * (seed, stream, step, global sample, element): the integers equal ref's, the normals are made in
 * fp64 and rounded once. */
#include "backend/cpu/cpu_ops.h"
#include "backend/cpu/par.h"
#include "backend/cpu/vmath.h"

#include <math.h>

#include "base/rng.h"

/* Philox and Box-Muller cost about this many element operations per draw. */
enum { DRAW = 32 };

static uint64_t sample_of(const scp_call *c, int64_t b)
{
    return (uint64_t)(c->step->row0 + b);
}

static scp_status four_state_fwd(const scp_call *c)
{
    const scp_attr *a = &c->node->attr;
    int64_t B = c->node->shape.d[0];
    int32_t *mask = c->out;
#pragma omp parallel for if (B * DRAW > SCP_PAR_MIN)
    for (int64_t b = 0; b < B; b++) {
        double u[2];
        scp_rng_fill_u01(c->step->seed, a->random.stream, (uint64_t)c->step->step, sample_of(c, b),
                         0, 2, u);
        mask[b] = (u[0] < a->random.p ? 1 : 0) | (u[1] < a->random.p2 ? 2 : 0);
    }
    return SCP_OK;
}

const scp_op_impl SCP_CPU(four_state) = { .op = SCP_OP_FOUR_STATE, .fwd = four_state_fwd };

static scp_status rand_time_fwd(const scp_call *c)
{
    const scp_attr *a = &c->node->attr;
    int64_t B = c->node->shape.d[0];
    int32_t *t = c->out;
#pragma omp parallel for if (B * DRAW > SCP_PAR_MIN)
    for (int64_t b = 0; b < B; b++)
        t[b] = (int32_t)scp_rng_below(c->step->seed, a->random.stream, (uint64_t)c->step->step,
                                      sample_of(c, b), 0, (uint64_t)a->random.T);
    return SCP_OK;
}

const scp_op_impl SCP_CPU(rand_time) = { .op = SCP_OP_RAND_TIME, .fwd = rand_time_fwd };

static scp_status rand_normal_fwd(const scp_call *c)
{
    enum { PIECE = 256 };
    int64_t B = c->node->shape.d[0], D = c->node->shape.d[1];
#pragma omp parallel for if (B * D * DRAW > SCP_PAR_MIN)
    for (int64_t b = 0; b < B; b++) {
        float *y = (float *)c->out + b * D;
        double x[PIECE];
        for (int64_t d = 0; d < D; d += PIECE) {
            int64_t n = scp_min(PIECE, D - d);
            scp_rng_fill_normal_at(c->step->seed, c->node->attr.random.stream,
                                   (uint64_t)c->step->step, sample_of(c, b), (uint32_t)d, (size_t)n,
                                   x);
            for (int64_t i = 0; i < n; i++) y[d + i] = (float)x[i];
        }
    }
    return SCP_OK;
}

const scp_op_impl SCP_CPU(rand_normal) = { .op = SCP_OP_RAND_NORMAL, .fwd = rand_normal_fwd };

/* y = mu + exp(logvar/2) eps */
static scp_status reparam_fwd(const scp_call *c)
{
    const float *mu = c->in[0], *logvar = c->in[1], *eps = c->in[2];
    float *y = c->out;
    int64_t n = scp_shape_count(&c->node->shape);
#pragma omp parallel for simd if (parallel : n > SCP_PAR_MIN)
    for (int64_t i = 0; i < n; i++) y[i] = mu[i] + scp_expf(logvar[i] * 0.5f) * eps[i];
    return SCP_OK;
}

static scp_status reparam_bwd(const scp_call *c)
{
    const float *logvar = c->in[1], *eps = c->in[2], *dy = c->dout;
    float *dmu = c->din[0], *dlogvar = c->din[1]; /* eps is drawn: no gradient */
    int64_t n = scp_shape_count(&c->node->shape);
#pragma omp parallel for if (n > SCP_PAR_MIN)
    for (int64_t i = 0; i < n; i++) {
        if (dmu) scp_put(dmu + i, c->add[0], dy[i]);
        if (dlogvar)
            scp_put(dlogvar + i, c->add[1], dy[i] * scp_expf(logvar[i] * 0.5f) * eps[i] * 0.5f);
    }
    return SCP_OK;
}

const scp_op_impl SCP_CPU(reparam) = { .op = SCP_OP_REPARAM,
                                      .fwd = reparam_fwd,
                                      .bwd = reparam_bwd };

/* y = ca[t] a + cb[t] b: the tables decide whether this noises a sample or makes v. */
static scp_status combine_t_fwd(const scp_call *c)
{
    int64_t B = c->node->shape.d[0], D = c->node->shape.d[1], T = c->node->in[3]->shape.d[0];
    const float *a = c->in[0], *b = c->in[1], *ca = c->in[3], *cb = c->in[4];
    const int32_t *t = c->in[2];
    float *y = c->out;
    for (int64_t r = 0; r < B; r++)
        if (t[r] < 0 || t[r] >= T)
            SCP_FAIL(SCP_EDATA, "'%s': time %d of row %lld is outside 0 to %lld", c->node->name,
                     (int)t[r], (long long)r, (long long)T - 1);
#pragma omp parallel for if (B * D > SCP_PAR_MIN)
    for (int64_t r = 0; r < B; r++) {
        float of_a = ca[t[r]], of_b = cb[t[r]];
        for (int64_t i = r * D; i < (r + 1) * D; i++) y[i] = of_a * a[i] + of_b * b[i];
    }
    return SCP_OK;
}

static void combine_t_row_bwd(const scp_call *c, int64_t r)
{
    int64_t D = c->node->shape.d[1], t = ((const int32_t *)c->in[2])[r];
    const float *dy = (const float *)c->dout + r * D;
    for (int i = 0; i < 2; i++) {
        float *dx = c->din[i], factor = ((const float *)c->in[3 + i])[t];
        for (int64_t d = 0; dx && d < D; d++) scp_put(dx + r * D + d, c->add[i], factor * dy[d]);
    }
}

static scp_status combine_t_bwd(const scp_call *c)
{
    int64_t B = c->node->shape.d[0], D = c->node->shape.d[1];
#pragma omp parallel for if (B * D > SCP_PAR_MIN)
    for (int64_t r = 0; r < B; r++) combine_t_row_bwd(c, r);
    return SCP_OK;
}

const scp_op_impl SCP_CPU(combine_t) = { .op = SCP_OP_COMBINE_T,
                                        .fwd = combine_t_fwd,
                                        .bwd = combine_t_bwd };
