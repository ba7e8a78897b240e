/* Scalar losses and their weighted sum; formulas: backend/ref/loss.c. MSE and KL: one pass over
 * both inputs, 8 bytes an element in fp32, partial sums in fp64; backward reads them again and
 * writes the gradients. ALIGN: contrastive.cuh. Losses and their gradient scalars are fp32, on the
 * device. */
#include "backend/cuda/contrastive.cuh"

namespace
{

struct to_mean {
    float *to;
    double n;
    __device__ void operator()(const double (&s)[1]) const
    {
        *to = (float)(s[0] / n);
    }
};

/* ---- MSE ---- */

template <class T> struct squared {
    const T *a, *b;
    __device__ void operator()(int64_t i, double (&v)[1]) const
    {
        const float d = scp_widen(a[i]) - scp_widen(b[i]);
        v[0] = d * d;
    }
};
template <class T> struct mse_grad {
    enum { WIDTH = 16 / sizeof(T) };
    const T *a, *b;
    const float *dout;
    T *da, *db;
    bool add_a, add_b;
    double n;
    template <int V> __device__ void run(int64_t i) const
    {
        const float k = (float)(2.0 * *dout / n);
        float u[V], v[V];
        scp_load(u, a + i);
        scp_load(v, b + i);
        for (int j = 0; j < V; j++) {
            u[j] = k * (u[j] - v[j]);
            v[j] = -u[j];
        }
        if (da) scp_store(da + i, add_a, u);
        if (db) scp_store(db + i, add_b, v);
    }
    bool aligned() const
    {
        return scp_aligned<T, WIDTH>(a) && scp_aligned<T, WIDTH>(b) && scp_aligned<T, WIDTH>(da) &&
               scp_aligned<T, WIDTH>(db);
    }
};

int64_t elements(const scp_call *c)
{
    return scp_shape_count(&c->node->in[0]->shape);
}

scp_status mse_fwd(const scp_call *c)
{
    return scp_typed(c, [&](auto *tag) {
        using T = SCP_TYPE_OF(tag);
        return scp_total<1>(scp_cuda_of(c->dev), elements(c),
                            squared<T>{ (const T *)c->in[0], (const T *)c->in[1] },
                            to_mean{ (float *)c->out, (double)elements(c) });
    });
}
scp_status mse_bwd(const scp_call *c)
{
    if (!c->din[0] && !c->din[1]) return SCP_OK;
    return scp_typed(c, [&](auto *tag) {
        using T = SCP_TYPE_OF(tag);
        return scp_map(scp_cuda_of(c->dev), elements(c),
                       mse_grad<T>{ (const T *)c->in[0], (const T *)c->in[1],
                                    (const float *)c->dout, (T *)c->din[0], (T *)c->din[1],
                                    c->add[0], c->add[1], (double)elements(c) });
    });
}

/* ---- KL: expm1 keeps e^lv - 1 exact near lv = 0, where the term is lv^2/2 ---- */

template <class T> struct kl_term {
    const T *mu, *lv;
    __device__ void operator()(int64_t i, double (&v)[1]) const
    {
        const double m = scp_widen(mu[i]), l = scp_widen(lv[i]);
        v[0] = m * m + (expm1(l) - l);
    }
};
template <class T> struct kl_grad {
    enum { WIDTH = 16 / sizeof(T) };
    const T *mu, *lv;
    const float *dout;
    T *dmu, *dlv;
    bool add_mu, add_lv;
    double n;
    template <int V> __device__ void run(int64_t i) const
    {
        const float k = (float)(*dout / n);
        float m[V], l[V];
        scp_load(m, mu + i);
        scp_load(l, lv + i);
        for (int j = 0; j < V; j++) {
            m[j] *= k;
            l[j] = 0.5f * k * expm1f(l[j]);
        }
        if (dmu) scp_store(dmu + i, add_mu, m);
        if (dlv) scp_store(dlv + i, add_lv, l);
    }
    bool aligned() const
    {
        return scp_aligned<T, WIDTH>(mu) && scp_aligned<T, WIDTH>(lv) &&
               scp_aligned<T, WIDTH>(dmu) && scp_aligned<T, WIDTH>(dlv);
    }
};

scp_status kl_fwd(const scp_call *c)
{
    return scp_typed(c, [&](auto *tag) {
        using T = SCP_TYPE_OF(tag);
        return scp_total<1>(scp_cuda_of(c->dev), elements(c),
                            kl_term<T>{ (const T *)c->in[0], (const T *)c->in[1] },
                            to_mean{ (float *)c->out, 2.0 * (double)elements(c) });
    });
}
scp_status kl_bwd(const scp_call *c)
{
    if (!c->din[0] && !c->din[1]) return SCP_OK;
    return scp_typed(c, [&](auto *tag) {
        using T = SCP_TYPE_OF(tag);
        return scp_map(scp_cuda_of(c->dev), elements(c),
                       kl_grad<T>{ (const T *)c->in[0], (const T *)c->in[1], (const float *)c->dout,
                                   (T *)c->din[0], (T *)c->din[1], c->add[0], c->add[1],
                                   (double)elements(c) });
    });
}

/* ---- ALIGN. aux: c = <p, z> [B], n = |W z| [B]; n = 0 marks a row that counts 0 ---- */

template <class T>
__global__ void __launch_bounds__(SCP_ROW_BLOCK)
    align_fwd_k(int64_t D, const T *z, const T *p, const T *M, float *inner, float *norm,
                float *out, double *partial, uint32_t *ticket)
{
    double *room = scp_shared<double>();
    const int64_t b = blockIdx.x;
    bool any;
    const double c = scp_inner(p + b * D, z + b * D, D, &any, room);
    const double q = scp_quadratic(z + b * D, M, D, room);
    const double n = sqrt(q > SCP_NORM_FLOOR ? q : SCP_NORM_FLOOR);
    if (threadIdx.x == 0) {
        inner[b] = any ? (float)c : 0.0f;
        norm[b] = any ? (float)n : 0.0f;
    }
    scp_mean_of_rows(any ? 2.0 - 2.0 * c / n : 0.0, out, partial, ticket, room);
}

struct align_coef {
    const float *inner, *norm, *dout;
    int64_t B;
    __device__ void operator()(int64_t b, float *scale, float *radial) const
    {
        const float n = norm[b];
        *scale = n > 0 ? (float)(-2.0 * *dout / (double)B) / n : 0.0f;
        *radial = (double)n * n > 1.0001 * SCP_NORM_FLOOR ? *scale * inner[b] / (n * n) : 0.0f;
    }
};

scp_status align_fwd(const scp_call *c)
{
    const int64_t B = c->node->in[0]->shape.d[0], D = c->node->in[0]->shape.d[1];
    scp_cuda *cu = scp_cuda_of(c->dev);
    float *inner = (float *)c->aux;
    if (B > SCP_CUDA_PARTIALS)
        SCP_FAIL(SCP_EUSAGE, "'%s': a batch of more than %d rows does not fit: use a smaller one",
                 c->node->name, (int)SCP_CUDA_PARTIALS);
    return scp_typed(c, [&](auto *tag) {
        using T = SCP_TYPE_OF(tag);
        return scp_launch(cu, "align_fwd_k", align_fwd_k<T>, dim3((unsigned)B), SCP_ROW_BLOCK,
                          SCP_ROW_ROOM, D, (const T *)c->in[0], (const T *)c->in[1],
                          (const T *)c->in[2], inner, inner + B, (float *)c->out, cu->partial,
                          cu->tickets);
    });
}
scp_status align_bwd(const scp_call *c)
{
    const int64_t B = c->node->in[0]->shape.d[0], D = c->node->in[0]->shape.d[1];
    const float *inner = (const float *)c->aux;
    const align_coef coef = { inner, inner + B, (const float *)c->dout, B };
    return scp_typed(c, [&](auto *tag) {
        using T = SCP_TYPE_OF(tag);
        return scp_direction_bwd(scp_cuda_of(c->dev), B, D, (const T *)c->in[0],
                                 (const T *)c->in[1], (const T *)c->in[2], coef, (T *)c->din[0],
                                 c->add[0], (T *)c->din[1], c->add[1], (T *)c->din[2], c->add[2]);
    });
}

/* ---- LOSS_SUM: n scalars, one thread ---- */

struct scalars {
    enum { WIDTH = 1 };
    const float *in[SCP_MAX_IN], *w, *dout;
    float *out, *din[SCP_MAX_IN];
    bool add[SCP_MAX_IN];
    int n;
    template <int V> __device__ void run(int64_t) const
    {
        double sum = 0;
        if (out)
            for (int i = 0; i < n; i++) sum += (double)w[i] * *in[i];
        if (out) *out = (float)sum;
        for (int i = 0; !out && i < n; i++)
            if (din[i]) scp_put(din[i], add[i], w[i] * *dout);
    }
    bool aligned() const
    {
        return false;
    }
};

scalars scalars_of(const scp_call *c, bool grad)
{
    scalars s = {};
    s.n = c->node->n_in - 1;
    s.w = (const float *)c->in[s.n];
    s.dout = (const float *)c->dout;
    s.out = grad ? nullptr : (float *)c->out;
    for (int i = 0; i < s.n; i++) {
        s.in[i] = (const float *)c->in[i];
        s.din[i] = (float *)c->din[i];
        s.add[i] = c->add[i];
    }
    return s;
}

scp_status loss_sum_fwd(const scp_call *c)
{
    return scp_map(scp_cuda_of(c->dev), 1, scalars_of(c, false));
}
scp_status loss_sum_bwd(const scp_call *c)
{
    return scp_map(scp_cuda_of(c->dev), 1, scalars_of(c, true));
}

} // namespace

const scp_op_impl scp_cuda_mse = { .op = SCP_OP_MSE, .fwd = mse_fwd, .bwd = mse_bwd };
const scp_op_impl scp_cuda_kl = { .op = SCP_OP_KL, .fwd = kl_fwd, .bwd = kl_bwd };
const scp_op_impl scp_cuda_align = { .op = SCP_OP_ALIGN, .fwd = align_fwd, .bwd = align_bwd };
const scp_op_impl scp_cuda_loss_sum = { .op = SCP_OP_LOSS_SUM,
                                        .fwd = loss_sum_fwd,
                                        .bwd = loss_sum_bwd };
