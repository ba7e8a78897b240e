/* BATCHNORM. Formulas, and why gradients of gain and bias stay sums of this rank:
 * backend/ref/norm.c.
 *
 * Forward in training: sums over rows of x - s and (x - s)^2 with the running mean s as shift (one
 * read of x), an all-reduce of 2 D + 1 doubles in stream order, statistics (D threads), y (read x,
 * write y): 12 R D bytes. Backward: sums (x, dy), all-reduce, dx: 20 R D bytes. Bandwidth-bound.
 * aux: mean [D], rstd [D], rows of the global batch [1]. scratch: 2 D + 1 doubles. */
#include "backend/cuda/map.cuh"
#include "backend/cuda/reduce.cuh"

extern "C" {
#include "comm/comm.h"
}
#include "backend/host_ops.h"

namespace
{

struct shape2 {
    int64_t R, D;
};

shape2 shape_of(const scp_call *c)
{
    return { scp_shape_rows(&c->node->shape), scp_shape_last(&c->node->shape) };
}

scp_status all_sum(const scp_call *c, double *x, int64_t n)
{
    if (!c->comm) return SCP_OK;
    return scp_comm_allreduce_on(c->comm, c->dev, x, (size_t)n, SCP_COMM_F64, SCP_COMM_SUM);
}

template <class T> struct shifted_moments {
    const T *x;
    const float *shift;
    int64_t D;
    __device__ void operator()(int64_t r, int64_t j, double (&v)[2]) const
    {
        const double d = (double)scp_widen(x[r * D + j]) - shift[j];
        v[0] = d;
        v[1] = d * d;
    }
};
struct to_sums {
    double *sum;
    int64_t D, R;
    __device__ void operator()(int64_t j, const double (&s)[2]) const
    {
        sum[j] = s[0];
        sum[D + j] = s[1];
        if (j == 0) sum[2 * D] = (double)R;
    }
};

/* Statistics from the sums of all ranks; the states move, unless the batch is not finite. */
struct statistics {
    enum { WIDTH = 1 };
    const double *sum;
    float *state_mean, *state_var, *mean, *rstd;
    int64_t D;
    double momentum, eps;
    int32_t *fault;

    template <int V> __device__ void run(int64_t j) const
    {
        const double n = sum[2 * D], shifted = sum[j] / n;
        double var = sum[D + j] / n - shifted * shifted;
        if (var < 0) var = 0;
        const double batch_mean = state_mean[j] + shifted, unbiased = var * n / (n - 1.0);
        if (j == 0) rstd[D] = (float)n;
        if (j == 0 && n < 2.0) atomicOr(fault, SCP_CUDA_FAULT_ROWS);
        mean[j] = (float)batch_mean;
        rstd[j] = (float)(1.0 / sqrt(var + eps));
        if (!(fabs(batch_mean) <= 1e300) || !(unbiased <= 1e300)) return;
        state_mean[j] = (float)((1.0 - momentum) * state_mean[j] + momentum * batch_mean);
        state_var[j] = (float)((1.0 - momentum) * state_var[j] + momentum * unbiased);
    }
    bool aligned() const
    {
        return false;
    }
};

struct fixed_statistics {
    enum { WIDTH = 1 };
    const float *state_mean, *state_var;
    float *mean, *rstd;
    double eps;
    template <int V> __device__ void run(int64_t j) const
    {
        mean[j] = state_mean[j];
        rstd[j] = (float)(1.0 / sqrt((double)state_var[j] + eps));
    }
    bool aligned() const
    {
        return false;
    }
};

template <class T> struct normalised {
    enum { WIDTH = 1 };
    const T *x;
    const float *g, *b, *mean, *rstd;
    T *y;
    int64_t D;
    template <int V> __device__ void run(int64_t i) const
    {
        const int64_t j = scp_place_of(i, D).col;
        scp_put(y + i, false, g[j] * ((scp_widen(x[i]) - mean[j]) * rstd[j]) + b[j]);
    }
    bool aligned() const
    {
        return false;
    }
};

template <class T> scp_status train_statistics(const scp_call *c, shape2 s)
{
    scp_cuda *cu = scp_cuda_of(c->dev);
    float *state_mean = (float *)c->in[3], *state_var = (float *)c->in[4], *mean = (float *)c->aux;
    double *sum = (double *)c->scratch;
    if (s.R * (c->comm ? scp_comm_size(c->comm) : 1) < 2)
        SCP_FAIL(SCP_EUSAGE, SCP_BATCHNORM_ONE_ROW, c->node->name);
    SCP_TRY(scp_columns<2>(cu, s.R, s.D, shifted_moments<T>{ (const T *)c->in[0], state_mean, s.D },
                           to_sums{ sum, s.D, s.R }));
    SCP_TRY(all_sum(c, sum, 2 * s.D + 1));
    return scp_map(cu, s.D,
                   statistics{ sum, state_mean, state_var, mean, mean + s.D, s.D,
                               c->node->attr.norm.momentum, c->node->attr.norm.eps, cu->fault });
}

scp_status batchnorm_fwd(const scp_call *c)
{
    scp_cuda *cu = scp_cuda_of(c->dev);
    const shape2 s = shape_of(c);
    float *mean = (float *)c->aux;
    return scp_typed(c, [&](auto *tag) {
        using T = SCP_TYPE_OF(tag);
        if (c->train)
            SCP_TRY(train_statistics<T>(c, s));
        else
            SCP_TRY(scp_map(cu, s.D,
                            fixed_statistics{ (const float *)c->in[3], (const float *)c->in[4],
                                              mean, mean + s.D, c->node->attr.norm.eps }));
        return scp_map(cu, s.R * s.D,
                       normalised<T>{ (const T *)c->in[0], (const float *)c->in[1],
                                      (const float *)c->in[2], mean, mean + s.D, (T *)c->out,
                                      s.D });
    });
}

template <class T> struct gradient_sums {
    const T *x, *dy;
    const float *mean, *rstd;
    int64_t D;
    __device__ void operator()(int64_t r, int64_t j, double (&v)[2]) const
    {
        const float d = scp_widen(dy[r * D + j]);
        v[0] = d;
        v[1] = d * ((scp_widen(x[r * D + j]) - mean[j]) * rstd[j]);
    }
};
struct to_gain_bias_sums {
    float *dg, *db;
    bool add_g, add_b;
    double *sum;
    int64_t D;
    __device__ void operator()(int64_t j, const double (&s)[2]) const
    {
        sum[j] = s[0];
        sum[D + j] = s[1];
        if (dg) scp_put(dg + j, add_g, (float)s[1]);
        if (db) scp_put(db + j, add_b, (float)s[0]);
    }
};

/* g rstd (dy - sum_dy/n - xhat sum_dyx/n); fixed statistics (not training) leave the first term. */
template <class T> struct batchnorm_dx {
    enum { WIDTH = 1 };
    const T *x, *dy;
    const float *g, *mean, *rstd;
    const double *sum;
    T *dx;
    bool add, train;
    int64_t D;
    template <int V> __device__ void run(int64_t i) const
    {
        const int64_t j = scp_place_of(i, D).col;
        float h = scp_widen(dy[i]);
        if (train) {
            const float n = rstd[D], xhat = (scp_widen(x[i]) - mean[j]) * rstd[j];
            h -= (float)sum[j] / n + xhat * ((float)sum[D + j] / n);
        }
        scp_put(dx + i, add, g[j] * rstd[j] * h);
    }
    bool aligned() const
    {
        return false;
    }
};

scp_status batchnorm_bwd(const scp_call *c)
{
    scp_cuda *cu = scp_cuda_of(c->dev);
    const shape2 s = shape_of(c);
    const float *mean = (const float *)c->aux, *rstd = mean + s.D;
    double *sum = (double *)c->scratch;
    return scp_typed(c, [&](auto *tag) {
        using T = SCP_TYPE_OF(tag);
        const T *x = (const T *)c->in[0], *dy = (const T *)c->dout;
        SCP_TRY(scp_columns<2>(cu, s.R, s.D, gradient_sums<T>{ x, dy, mean, rstd, s.D },
                               to_gain_bias_sums{ (float *)c->din[1], (float *)c->din[2], c->add[1],
                                                  c->add[2], sum, s.D }));
        if (!c->din[0]) return SCP_OK;
        if (c->train) SCP_TRY(all_sum(c, sum, 2 * s.D));
        return scp_map(cu, s.R * s.D,
                       batchnorm_dx<T>{ x, dy, (const float *)c->in[1], mean, rstd, sum,
                                        (T *)c->din[0], c->add[0], c->train, s.D });
    });
}

} // namespace

const scp_op_impl scp_cuda_batchnorm = { .op = SCP_OP_BATCHNORM,
                                         .fwd = batchnorm_fwd,
                                         .bwd = batchnorm_bwd };
