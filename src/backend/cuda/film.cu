/* Conditioning by modulation and by mask; formulas: backend/ref/film.c.
 *
 *   FILM         element-wise: 16 B D bytes forward, up to 24 backward in fp32
 *   FILM_LN      one token (row of D) to a group of lanes, H + gamma Hhat + beta in registers:
 *                forward 12 B M D bytes (read H, Hhat, write y); gamma and beta stay in the cache.
 *                Backward: one sample to a group, which walks its M tokens and sums what gamma and
 *                beta get: 24 B M D bytes. Gain and bias of the norm: sums over rows, fp64.
 *   MASK_SELECT  8 B D bytes forward, backward 8 and the sum of the masked rows
 * All bandwidth-bound. aux of FILM_LN: mean [B M], rstd [B M]. */
#include "backend/cuda/beside.cuh"
#include "backend/cuda/map.cuh"
#include "backend/cuda/rows.cuh"

namespace
{

/* ---- FILM ---- */

template <class T> struct film_value {
    enum { WIDTH = 16 / sizeof(T) };
    const T *z, *g, *b;
    T *y;
    template <int V> __device__ void run(int64_t i) const
    {
        float u[V], s[V], t[V];
        scp_load(u, z + i);
        scp_load(s, g + i);
        scp_load(t, b + i);
        for (int k = 0; k < V; k++) u[k] += s[k] * u[k] + t[k];
        scp_store(y + i, false, u);
    }
    bool aligned() const
    {
        return scp_aligned<T, WIDTH>(z) && scp_aligned<T, WIDTH>(g) && scp_aligned<T, WIDTH>(b) &&
               scp_aligned<T, WIDTH>(y);
    }
};
template <class T> struct film_grad {
    enum { WIDTH = 16 / sizeof(T) };
    const T *z, *g, *dy;
    T *dz, *dg, *db;
    bool add_z, add_g, add_b;
    template <int V> __device__ void run(int64_t i) const
    {
        float u[V], s[V], d[V], out[V];
        scp_load(u, z + i);
        scp_load(s, g + i);
        scp_load(d, dy + i);
        for (int k = 0; k < V; k++) out[k] = d[k] * (1.0f + s[k]);
        if (dz) scp_store(dz + i, add_z, out);
        for (int k = 0; k < V; k++) out[k] = d[k] * u[k];
        if (dg) scp_store(dg + i, add_g, out);
        if (db) scp_store(db + i, add_b, d);
    }
    bool aligned() const
    {
        return scp_aligned<T, WIDTH>(z) && scp_aligned<T, WIDTH>(g) && scp_aligned<T, WIDTH>(dy) &&
               scp_aligned<T, WIDTH>(dz) && scp_aligned<T, WIDTH>(dg) && scp_aligned<T, WIDTH>(db);
    }
};

scp_status film_fwd(const scp_call *c)
{
    return scp_typed(c, [&](auto *tag) {
        using T = SCP_TYPE_OF(tag);
        return scp_map(scp_cuda_of(c->dev), scp_shape_count(&c->node->shape),
                       film_value<T>{ (const T *)c->in[0], (const T *)c->in[1], (const T *)c->in[2],
                                      (T *)c->out });
    });
}
scp_status film_bwd(const scp_call *c)
{
    return scp_typed(c, [&](auto *tag) {
        using T = SCP_TYPE_OF(tag);
        return scp_map(scp_cuda_of(c->dev), scp_shape_count(&c->node->shape),
                       film_grad<T>{ (const T *)c->in[0], (const T *)c->in[1], (const T *)c->dout,
                                     (T *)c->din[0], (T *)c->din[1], (T *)c->din[2], c->add[0],
                                     c->add[1], c->add[2] });
    });
}

/* ---- FILM_LN ---- */

/* What the norm sees of one token: H + gamma Hhat + beta. */
template <class T, int V> struct modulated {
    const T *H, *Hhat, *gamma, *beta;
    __device__ __forceinline__ void operator()(int64_t at, float (&v)[V]) const
    {
        float h[V], s[V], t[V];
        scp_load(v, H + at);
        scp_load(h, Hhat + at);
        scp_load(s, gamma + at);
        scp_load(t, beta + at);
        for (int k = 0; k < V; k++) v[k] += s[k] * h[k] + t[k];
    }
};

template <class T> struct film_ln_args {
    int64_t B, M, D;
    const T *H, *Hhat, *gamma, *beta;
    const float *gain, *bias;
    float *mean, *rstd;

    template <int V> __device__ modulated<T, V> token(int64_t r) const
    {
        const int64_t b = r / M;
        return { H + r * D, Hhat + r * D, gamma + b * D, beta + b * D };
    }
};

template <class T> film_ln_args<T> args_of(const scp_call *c)
{
    const int64_t *d = c->node->shape.d;
    return { d[0],
             d[1],
             d[2],
             (const T *)c->in[0],
             (const T *)c->in[1],
             (const T *)c->in[2],
             (const T *)c->in[3],
             (const float *)c->in[4],
             (const float *)c->in[5],
             (float *)c->aux,
             (float *)c->aux + d[0] * d[1] };
}

template <class T> bool vectors(const film_ln_args<T> &a)
{
    return scp_aligned<T, 4>(a.H) && scp_aligned<T, 4>(a.Hhat) && scp_aligned<T, 4>(a.gamma) &&
           scp_aligned<T, 4>(a.beta) && scp_aligned<float, 4>(a.gain) &&
           scp_aligned<float, 4>(a.bias);
}

template <class T, int V, int CAP>
__global__ void __launch_bounds__(SCP_BLOCK)
    film_ln_fwd_k(film_ln_args<T> a, int L, float eps, T *__restrict__ y)
{
    const int64_t r = ((int64_t)blockIdx.x * blockDim.x + threadIdx.x) / L;
    const scp_row<V, CAP, modulated<T, V>> row(a.template token<V>(r), r < a.B * a.M ? a.D : 0,
                                               (int)threadIdx.x % L, L);
    scp_norm_row(row, r, a.D, scp_normed<T>{ a.gain, a.bias, eps, a.mean, a.rstd, y });
}

scp_status film_ln_fwd(const scp_call *c)
{
    return scp_typed(c, [&](auto *tag) {
        using T = SCP_TYPE_OF(tag);
        const film_ln_args<T> a = args_of<T>(c);
        T *y = (T *)c->out;
        return scp_with_row(a.D, vectors(a) && scp_aligned<T, 4>(y), [&](auto V, auto CAP, int L) {
            return scp_launch(scp_cuda_of(c->dev), "film_ln_fwd_k",
                              film_ln_fwd_k<T, decltype(V)::value, decltype(CAP)::value>,
                              scp_row_grid(a.B * a.M, L), SCP_BLOCK, 0, a, L,
                              (float)c->node->attr.norm.eps, y);
        });
    });
}

template <class T> struct film_ln_grads {
    const T *dy;
    T *d[4]; /* of H, Hhat, gamma, beta; NULL where not wanted */
    bool add[4];
};

/* Sample b to a group; columns in pieces of ACC vectors a lane, one piece unless D is large. */
template <class T, int V, int ACC>
__global__ void __launch_bounds__(SCP_BLOCK)
    film_ln_bwd_k(film_ln_args<T> a, film_ln_grads<T> g, int L)
{
    const int64_t b = ((int64_t)blockIdx.x * blockDim.x + threadIdx.x) / L;
    const int64_t D = a.D, width = b < a.B ? D : 0, piece = (int64_t)L * V * ACC;
    const int lane = (int)threadIdx.x % L;
    for (int64_t begin = 0; begin < D; begin += piece) {
        float to_gamma[ACC][V] = {}, to_beta[ACC][V] = {};
        for (int64_t m = 0; m < a.M; m++) {
            const int64_t r = b * a.M + m;
            const scp_row<V, 0, modulated<T, V>> row(a.template token<V>(r), width, lane, L);
            const float mean = width ? a.mean[r] : 0, rstd = width ? a.rstd[r] : 0;
            float sum_u = 0, sum_un = 0;
            row.each([&](int64_t at, const float(&v)[V]) {
                float gain[V], d[V];
                scp_load(gain, a.gain + at);
                scp_load(d, g.dy + r * D + at);
                for (int k = 0; k < V; k++) {
                    sum_u += d[k] * gain[k];
                    sum_un += d[k] * gain[k] * ((v[k] - mean) * rstd);
                }
            });
            const float mean_u = scp_group_sum(sum_u, L) / (float)D;
            const float mean_un = scp_group_sum(sum_un, L) / (float)D;
#pragma unroll
            for (int p = 0; p < ACC; p++) {
                const int64_t at = begin + (int64_t)(lane + p * L) * V;
                if (at >= width) continue;
                float v[V], gain[V], d[V], hat[V], s[V], dx[V], dh[V];
                row.load(at, v);
                scp_load(gain, a.gain + at);
                scp_load(d, g.dy + r * D + at);
                scp_load(hat, a.Hhat + r * D + at);
                scp_load(s, a.gamma + b * D + at);
                for (int k = 0; k < V; k++) {
                    dx[k] = rstd * (d[k] * gain[k] - mean_u - (v[k] - mean) * rstd * mean_un);
                    dh[k] = dx[k] * s[k];
                    to_gamma[p][k] += dx[k] * hat[k];
                    to_beta[p][k] += dx[k];
                }
                if (g.d[0]) scp_store(g.d[0] + r * D + at, g.add[0], dx);
                if (g.d[1]) scp_store(g.d[1] + r * D + at, g.add[1], dh);
            }
        }
#pragma unroll
        for (int p = 0; p < ACC; p++) {
            const int64_t at = begin + (int64_t)(lane + p * L) * V;
            if (at >= width) continue;
            if (g.d[2]) scp_store(g.d[2] + b * D + at, g.add[2], to_gamma[p]);
            if (g.d[3]) scp_store(g.d[3] + b * D + at, g.add[3], to_beta[p]);
        }
    }
}

/* Sums over tokens for gain and bias of the norm. */
template <class T> struct film_ln_sums {
    film_ln_args<T> a;
    const T *dy;
    __device__ void operator()(int64_t r, int64_t j, double (&v)[2]) const
    {
        float x[1];
        a.template token<1>(r)(j, x);
        const float d = scp_widen(dy[r * a.D + j]);
        v[0] = d * ((x[0] - a.mean[r]) * a.rstd[r]);
        v[1] = d;
    }
};
struct to_gain_bias {
    float *dg, *db;
    bool add_g, add_b;
    __device__ void operator()(int64_t j, const double (&s)[2]) const
    {
        if (dg) scp_put(dg + j, add_g, (float)s[0]);
        if (db) scp_put(db + j, add_b, (float)s[1]);
    }
};

template <class T> scp_status film_ln_dx(const scp_call *c, const film_ln_args<T> &a)
{
    film_ln_grads<T> g = { (const T *)c->dout, {}, {} };
    bool vec = vectors(a) && scp_aligned<T, 4>(c->dout), any = false;
    for (int i = 0; i < 4; i++) {
        g.d[i] = (T *)c->din[i];
        g.add[i] = c->add[i];
        vec = vec && scp_aligned<T, 4>(c->din[i]);
        any = any || c->din[i];
    }
    if (!any) return SCP_OK;
    return scp_with_row(a.D, vec, [&](auto V, auto CAP, int L) {
        constexpr int ACC = decltype(CAP)::value == 1 ? 1 : 4;
        return scp_launch(scp_cuda_of(c->dev), "film_ln_bwd_k",
                          film_ln_bwd_k<T, decltype(V)::value, ACC>, scp_row_grid(a.B, L),
                          SCP_BLOCK, 0, a, g, L);
    });
}

template <class T> scp_status film_ln_dp(const scp_call *c, const film_ln_args<T> &a)
{
    if (!c->din[4] && !c->din[5]) return SCP_OK;
    return scp_columns<2>(
        scp_cuda_of(c->dev), a.B * a.M, a.D, film_ln_sums<T>{ a, (const T *)c->dout },
        to_gain_bias{ (float *)c->din[4], (float *)c->din[5], c->add[4], c->add[5] });
}

scp_status film_ln_bwd(const scp_call *c)
{
    const bool both =
        (c->din[0] || c->din[1] || c->din[2] || c->din[3]) && (c->din[4] || c->din[5]);
    return scp_typed(c, [&](auto *tag) {
        using T = SCP_TYPE_OF(tag);
        const film_ln_args<T> a = args_of<T>(c);
        return scp_beside(
            scp_cuda_of(c->dev), both, [&]() { return film_ln_dx<T>(c, a); },
            [&]() { return film_ln_dp<T>(c, a); });
    });
}

/* ---- MASK_SELECT ---- */

template <class T> struct selected {
    enum { WIDTH = 4 };
    const T *x;
    const float *null_row; /* NULL: zeros, for the gradient of x */
    const int32_t *mask;
    int bit;
    T *y;
    bool add;
    int64_t D;
    template <int V> __device__ void run(int64_t i) const
    {
        const scp_place at = scp_place_of(i, D);
        float v[V] = {};
        if (!(mask[at.row] & bit))
            scp_load(v, x + i);
        else if (null_row)
            scp_load(v, null_row + at.col);
        scp_store(y + i, add, v);
    }
    bool aligned() const
    {
        return D % WIDTH == 0 && scp_aligned<T, WIDTH>(x) && scp_aligned<T, WIDTH>(y) &&
               scp_aligned<float, WIDTH>(null_row);
    }
};
template <class T> struct masked_sum {
    const T *dy;
    const int32_t *mask;
    int bit;
    int64_t D;
    __device__ void operator()(int64_t r, int64_t j, double (&v)[1]) const
    {
        v[0] = mask[r] & bit ? scp_widen(dy[r * D + j]) : 0.0f;
    }
};
struct to_vector {
    float *to;
    bool add;
    __device__ void operator()(int64_t j, const double (&s)[1]) const
    {
        scp_put(to + j, add, (float)s[0]);
    }
};

scp_status mask_select_fwd(const scp_call *c)
{
    const int64_t B = c->node->shape.d[0], D = c->node->shape.d[1];
    return scp_typed(c, [&](auto *tag) {
        using T = SCP_TYPE_OF(tag);
        return scp_map(scp_cuda_of(c->dev), B * D,
                       selected<T>{ (const T *)c->in[0], (const float *)c->in[1],
                                    (const int32_t *)c->in[2], c->node->attr.mask.bit, (T *)c->out,
                                    false, D });
    });
}
scp_status mask_select_bwd(const scp_call *c)
{
    const int64_t B = c->node->shape.d[0], D = c->node->shape.d[1];
    const int32_t *mask = (const int32_t *)c->in[2];
    const int bit = c->node->attr.mask.bit;
    scp_cuda *cu = scp_cuda_of(c->dev);
    return scp_typed(c, [&](auto *tag) {
        using T = SCP_TYPE_OF(tag);
        const T *dy = (const T *)c->dout;
        const auto dx = [&]() {
            if (!c->din[0]) return SCP_OK;
            return scp_map(cu, B * D,
                           selected<T>{ dy, nullptr, mask, bit, (T *)c->din[0], c->add[0], D });
        };
        const auto dnull = [&]() {
            if (!c->din[1]) return SCP_OK;
            return scp_columns<1>(cu, B, D, masked_sum<T>{ dy, mask, bit, D },
                                  to_vector{ (float *)c->din[1], c->add[1] });
        };
        return scp_beside(cu, c->din[0] && c->din[1], dx, dnull);
    });
}

} // namespace

const scp_op_impl scp_cuda_film = { .op = SCP_OP_FILM, .fwd = film_fwd, .bwd = film_bwd };
const scp_op_impl scp_cuda_film_ln = { .op = SCP_OP_FILM_LN,
                                       .fwd = film_ln_fwd,
                                       .bwd = film_ln_bwd };
const scp_op_impl scp_cuda_mask_select = { .op = SCP_OP_MASK_SELECT,
                                           .fwd = mask_select_fwd,
                                           .bwd = mask_select_bwd };
