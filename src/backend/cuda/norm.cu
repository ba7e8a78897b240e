/* LAYERNORM and UNIT. Formulas: backend/ref/norm.c, unit.c.
 *
 * One row to a group of lanes, in registers up to 512 values: x is read once. Forward moves 8 R D
 * bytes in fp32 (read x, write y), backward 12 R D (x, dy, dx), and the gradients of gain and bias
 * 8 R D more. Bandwidth-bound, about 8 operations an element. Sums in fp32 within a row, fp64 over
 * rows. aux: mean [R], rstd [R]; UNIT: norm [R]. */
#include "backend/cuda/beside.cuh"
#include "backend/cuda/rows.cuh"

namespace
{

template <class T, int V, int CAP>
__global__ void __launch_bounds__(SCP_BLOCK)
    layernorm_fwd_k(int64_t R, int64_t D, int L, const T *__restrict__ x, scp_normed<T> to)
{
    const int64_t r = ((int64_t)blockIdx.x * blockDim.x + threadIdx.x) / L;
    const scp_row<V, CAP, scp_from<T, V>> row({ x + r * D }, r < R ? D : 0, (int)threadIdx.x % L,
                                              L);
    scp_norm_row(row, r, D, to);
}

scp_status layernorm_fwd(const scp_call *c)
{
    const int64_t R = scp_shape_rows(&c->node->shape), D = scp_shape_last(&c->node->shape);
    return scp_typed(c, [&](auto *tag) {
        using T = SCP_TYPE_OF(tag);
        const T *x = (const T *)c->in[0];
        const scp_normed<T> to = { (const float *)c->in[1],       (const float *)c->in[2],
                                   (float)c->node->attr.norm.eps, (float *)c->aux,
                                   (float *)c->aux + R,           (T *)c->out };
        const bool vec = scp_aligned<T, 4>(x) && scp_aligned<T, 4>(to.y) &&
                         scp_aligned<float, 4>(to.gain) && scp_aligned<float, 4>(to.bias);
        return scp_with_row(D, vec, [&](auto V, auto CAP, int L) {
            return scp_launch(scp_cuda_of(c->dev), "layernorm_fwd_k",
                              layernorm_fwd_k<T, decltype(V)::value, decltype(CAP)::value>,
                              scp_row_grid(R, L), SCP_BLOCK, 0, R, D, L, x, to);
        });
    });
}

template <class T, int V, int CAP>
__global__ void __launch_bounds__(SCP_BLOCK)
    layernorm_dx_k(int64_t R, int64_t D, int L, const T *x, const float *g, const T *dy,
                   const float *mean, const float *rstd, T *dx, bool add)
{
    const int64_t r = ((int64_t)blockIdx.x * blockDim.x + threadIdx.x) / L;
    const int lane = (int)threadIdx.x % L;
    const scp_row<V, CAP, scp_from<T, V>> row({ x + r * D }, r < R ? D : 0, lane, L);
    const float m = r < R ? mean[r] : 0, s = r < R ? rstd[r] : 0;
    float sum_h = 0, sum_hx = 0;
    row.each([&](int64_t at, const float(&v)[V]) {
        float gain[V], d[V];
        scp_load(gain, g + at);
        scp_load(d, dy + r * D + at);
        for (int k = 0; k < V; k++) {
            sum_h += gain[k] * d[k];
            sum_hx += gain[k] * d[k] * ((v[k] - m) * s);
        }
    });
    const float mean_h = scp_group_sum(sum_h, L) / (float)D;
    const float mean_hx = scp_group_sum(sum_hx, L) / (float)D;
    row.each([&](int64_t at, const float(&v)[V]) {
        float gain[V], d[V], out[V];
        scp_load(gain, g + at);
        scp_load(d, dy + r * D + at);
        for (int k = 0; k < V; k++)
            out[k] = s * (gain[k] * d[k] - mean_h - (v[k] - m) * s * mean_hx);
        scp_store(dx + r * D + at, add, out);
    });
}

/* Sums over rows for gain and bias. */
template <class T> struct layernorm_sums {
    const T *x, *dy;
    const float *mean, *rstd;
    int64_t D;
    __device__ void operator()(int64_t r, int64_t j, double (&v)[2]) const
    {
        const float d = scp_widen(dy[r * D + j]);
        v[0] = d * ((scp_widen(x[r * D + j]) - mean[r]) * rstd[r]);
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

template <class T> scp_status layernorm_dx(const scp_call *c, int64_t R, int64_t D)
{
    if (!c->din[0]) return SCP_OK;
    const T *x = (const T *)c->in[0], *dy = (const T *)c->dout;
    const float *g = (const float *)c->in[1], *mean = (const float *)c->aux;
    T *dx = (T *)c->din[0];
    const bool vec = scp_aligned<T, 4>(x) && scp_aligned<T, 4>(dy) && scp_aligned<T, 4>(dx) &&
                     scp_aligned<float, 4>(g);
    return scp_with_row(D, vec, [&](auto V, auto CAP, int L) {
        return scp_launch(scp_cuda_of(c->dev), "layernorm_dx_k",
                          layernorm_dx_k<T, decltype(V)::value, decltype(CAP)::value>,
                          scp_row_grid(R, L), SCP_BLOCK, 0, R, D, L, x, g, dy, mean, mean + R, dx,
                          c->add[0]);
    });
}

template <class T> scp_status layernorm_dp(const scp_call *c, int64_t R, int64_t D)
{
    const float *mean = (const float *)c->aux;
    if (!c->din[1] && !c->din[2]) return SCP_OK;
    return scp_columns<2>(
        scp_cuda_of(c->dev), R, D,
        layernorm_sums<T>{ (const T *)c->in[0], (const T *)c->dout, mean, mean + R, D },
        to_gain_bias{ (float *)c->din[1], (float *)c->din[2], c->add[1], c->add[2] });
}

scp_status layernorm_bwd(const scp_call *c)
{
    const int64_t R = scp_shape_rows(&c->node->shape), D = scp_shape_last(&c->node->shape);
    return scp_typed(c, [&](auto *tag) {
        using T = SCP_TYPE_OF(tag);
        return scp_beside(
            scp_cuda_of(c->dev), c->din[0] && (c->din[1] || c->din[2]),
            [&]() { return layernorm_dx<T>(c, R, D); }, [&]() { return layernorm_dp<T>(c, R, D); });
    });
}

/* ---- UNIT ---- */

template <class T, int V, int CAP>
__global__ void __launch_bounds__(SCP_BLOCK)
    unit_fwd_k(int64_t R, int64_t D, int L, const T *__restrict__ x, T *__restrict__ y, float *norm)
{
    const int64_t r = ((int64_t)blockIdx.x * blockDim.x + threadIdx.x) / L;
    const int lane = (int)threadIdx.x % L;
    const scp_row<V, CAP, scp_from<T, V>> row({ x + r * D }, r < R ? D : 0, lane, L);
    float square = 0;
    row.each([&](int64_t, const float(&v)[V]) {
        for (int k = 0; k < V; k++) square += v[k] * v[k];
    });
    const float n = fmaxf(sqrtf(scp_group_sum(square, L)), (float)SCP_UNIT_FLOOR);
    row.each([&](int64_t at, const float(&v)[V]) {
        float out[V];
        for (int k = 0; k < V; k++) out[k] = v[k] / n;
        scp_store(y + r * D + at, false, out);
    });
    if (r < R && lane == 0) norm[r] = n;
}

template <class T, int V, int CAP>
__global__ void __launch_bounds__(SCP_BLOCK)
    unit_bwd_k(int64_t R, int64_t D, int L, const T *y, const T *dy, const float *norm, T *dx,
               bool add)
{
    const int64_t r = ((int64_t)blockIdx.x * blockDim.x + threadIdx.x) / L;
    const int lane = (int)threadIdx.x % L;
    const scp_row<V, CAP, scp_from<T, V>> row({ y + r * D }, r < R ? D : 0, lane, L);
    const float n = r < R ? norm[r] : 1;
    float sum = 0;
    row.each([&](int64_t at, const float(&v)[V]) {
        float d[V];
        scp_load(d, dy + r * D + at);
        for (int k = 0; k < V; k++) sum += v[k] * d[k];
    });
    const float all = scp_group_sum(sum, L), along = n > (float)SCP_UNIT_FLOOR ? all : 0;
    row.each([&](int64_t at, const float(&v)[V]) {
        float d[V], out[V];
        scp_load(d, dy + r * D + at);
        for (int k = 0; k < V; k++) out[k] = (d[k] - v[k] * along) / n;
        scp_store(dx + r * D + at, add, out);
    });
}

scp_status unit_fwd(const scp_call *c)
{
    const int64_t R = scp_shape_rows(&c->node->shape), D = scp_shape_last(&c->node->shape);
    return scp_typed(c, [&](auto *tag) {
        using T = SCP_TYPE_OF(tag);
        const T *x = (const T *)c->in[0];
        T *y = (T *)c->out;
        return scp_with_row(
            D, scp_aligned<T, 4>(x) && scp_aligned<T, 4>(y), [&](auto V, auto CAP, int L) {
                return scp_launch(scp_cuda_of(c->dev), "unit_fwd_k",
                                  unit_fwd_k<T, decltype(V)::value, decltype(CAP)::value>,
                                  scp_row_grid(R, L), SCP_BLOCK, 0, R, D, L, x, y, (float *)c->aux);
            });
    });
}

scp_status unit_bwd(const scp_call *c)
{
    const int64_t R = scp_shape_rows(&c->node->shape), D = scp_shape_last(&c->node->shape);
    if (!c->din[0]) return SCP_OK;
    return scp_typed(c, [&](auto *tag) {
        using T = SCP_TYPE_OF(tag);
        const T *y = (const T *)c->out, *dy = (const T *)c->dout;
        T *dx = (T *)c->din[0];
        const bool vec = scp_aligned<T, 4>(y) && scp_aligned<T, 4>(dy) && scp_aligned<T, 4>(dx);
        return scp_with_row(D, vec, [&](auto V, auto CAP, int L) {
            return scp_launch(scp_cuda_of(c->dev), "unit_bwd_k",
                              unit_bwd_k<T, decltype(V)::value, decltype(CAP)::value>,
                              scp_row_grid(R, L), SCP_BLOCK, 0, R, D, L, y, dy,
                              (const float *)c->aux, dx, c->add[0]);
        });
    });
}

} // namespace

const scp_op_impl scp_cuda_layernorm = { .op = SCP_OP_LAYERNORM,
                                         .fwd = layernorm_fwd,
                                         .bwd = layernorm_bwd };
const scp_op_impl scp_cuda_unit = { .op = SCP_OP_UNIT, .fwd = unit_fwd, .bwd = unit_bwd };
