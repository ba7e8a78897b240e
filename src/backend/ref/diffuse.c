/* What a diffusion step draws and mixes; letters as in tensor/op.h. Draws are pure functions of
 * (seed, stream, step, global sample, element), so every backend and rank count gets the same. */
#include "backend/ref/ref_ops.h"

#include <math.h>

#include "base/rng.h"

/* The global sample of row b. */
static uint64_t sample_of(const scp_call *c, int64_t b)
{
    return (uint64_t)(c->step->row0 + b);
}

/* Bit 1 drops the pre state with probability p, bit 2 the drug with p2, independently. */
static scp_status four_state_fwd(const scp_call *c)
{
    const scp_attr *a = &c->node->attr;
    int32_t *mask = c->out;
    for (int64_t b = 0; b < c->node->shape.d[0]; b++) {
        double u[2];
        scp_rng_fill_u01(c->step->seed, a->random.stream, (uint64_t)c->step->step, sample_of(c, b),
                         0, 2, u);
        mask[b] = (u[0] < a->random.p ? 1 : 0) | (u[1] < a->random.p2 ? 2 : 0);
    }
    return SCP_OK;
}

const scp_op_impl scp_ref_four_state = { .op = SCP_OP_FOUR_STATE, .fwd = four_state_fwd };

static scp_status rand_time_fwd(const scp_call *c)
{
    const scp_attr *a = &c->node->attr;
    int32_t *t = c->out;
    for (int64_t b = 0; b < c->node->shape.d[0]; b++)
        t[b] = (int32_t)scp_rng_below(c->step->seed, a->random.stream, (uint64_t)c->step->step,
                                      sample_of(c, b), 0, (uint64_t)a->random.T);
    return SCP_OK;
}

const scp_op_impl scp_ref_rand_time = { .op = SCP_OP_RAND_TIME, .fwd = rand_time_fwd };

static scp_status rand_normal_fwd(const scp_call *c)
{
    int64_t B = c->node->shape.d[0], D = c->node->shape.d[1];
    for (int64_t b = 0; b < B; b++)
        scp_rng_fill_normal(c->step->seed, c->node->attr.random.stream, (uint64_t)c->step->step,
                            sample_of(c, b), (size_t)D, (double *)c->out + b * D);
    return SCP_OK;
}

const scp_op_impl scp_ref_rand_normal = { .op = SCP_OP_RAND_NORMAL, .fwd = rand_normal_fwd };

/* y = mu + exp(logvar/2) eps */
static scp_status reparam_fwd(const scp_call *c)
{
    const double *mu = c->in[0], *logvar = c->in[1], *eps = c->in[2];
    double *y = c->out;
    for (int64_t i = 0; i < scp_shape_count(&c->node->shape); i++)
        y[i] = mu[i] + exp(logvar[i] / 2) * eps[i];
    return SCP_OK;
}

static scp_status reparam_bwd(const scp_call *c)
{
    const double *logvar = c->in[1], *eps = c->in[2], *dy = c->dout;
    double *dmu = c->din[0], *dlogvar = c->din[1]; /* eps is drawn: no gradient */
    for (int64_t i = 0; i < scp_shape_count(&c->node->shape); i++) {
        if (dmu) scp_ref_put(dmu + i, c->add[0], dy[i]);
        if (dlogvar) scp_ref_put(dlogvar + i, c->add[1], dy[i] * exp(logvar[i] / 2) * eps[i] / 2);
    }
    return SCP_OK;
}

const scp_op_impl scp_ref_reparam = { .op = SCP_OP_REPARAM,
                                      .fwd = reparam_fwd,
                                      .bwd = reparam_bwd };

/* y = ca[t] a + cb[t] b: the tables decide whether this noises a sample or makes v. */
static scp_status combine_t_fwd(const scp_call *c)
{
    int64_t B = c->node->shape.d[0], D = c->node->shape.d[1], T = c->node->in[3]->shape.d[0];
    const double *a = c->in[0], *b = c->in[1], *ca = c->in[3], *cb = c->in[4];
    const int32_t *t = c->in[2];
    double *y = c->out;
    for (int64_t r = 0; r < B; r++) {
        if (t[r] < 0 || t[r] >= T)
            SCP_FAIL(SCP_EDATA, "'%s': time %d of row %lld is outside 0 to %lld", c->node->name,
                     (int)t[r], (long long)r, (long long)T - 1);
        for (int64_t i = r * D; i < (r + 1) * D; i++) y[i] = ca[t[r]] * a[i] + cb[t[r]] * b[i];
    }
    return SCP_OK;
}

static scp_status combine_t_bwd(const scp_call *c)
{
    int64_t B = c->node->shape.d[0], D = c->node->shape.d[1];
    const double *ca = c->in[3], *cb = c->in[4], *dy = c->dout;
    const int32_t *t = c->in[2];
    double *da = c->din[0], *db = c->din[1];
    for (int64_t i = 0; i < B * D; i++) {
        if (da) scp_ref_put(da + i, c->add[0], dy[i] * ca[t[i / D]]);
        if (db) scp_ref_put(db + i, c->add[1], dy[i] * cb[t[i / D]]);
    }
    return SCP_OK;
}

const scp_op_impl scp_ref_combine_t = { .op = SCP_OP_COMBINE_T,
                                        .fwd = combine_t_fwd,
                                        .bwd = combine_t_bwd };
