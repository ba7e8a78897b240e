/* Dropout. A thread draws one Philox block, which decides four elements of a row; the words and the
 * integer threshold are those of ref and cpu, so the masks are the same bits. Nothing is stored:
 * the backward pass draws the words again. 8 bytes an element in fp32 and 10 rounds of Philox for
 * four; bandwidth-bound. */
#include "backend/cuda/map.cuh"
#include "backend/cuda/philox.cuh"

#include "backend/host_ops.h"

namespace
{

template <class T, int V>
__global__ void __launch_bounds__(SCP_BLOCK)
    dropout_k(const scp_step *step, uint32_t stream, uint32_t threshold, float scale, int64_t rows,
              int64_t width, const T *x, T *y, bool add)
{
    const int64_t blocks = (width + 3) / 4, i = (int64_t)blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= rows * blocks) return;
    const scp_place at = scp_place_of(i, blocks);
    const int64_t first = at.row * width + at.col * 4, left = width - at.col * 4;
    uint32_t w[4];
    scp_philox(step, stream, at.row, (uint32_t)at.col, w);
    for (int e = 0; e < 4 && e < left; e += V) {
        float v[V];
        scp_load(v, x + first + e);
        for (int k = 0; k < V; k++) v[k] = w[e + k] < threshold ? 0.0f : scale * v[k];
        scp_store(y + first + e, add, v);
    }
}

struct same {
    __device__ float operator()(float a, float) const
    {
        return a;
    }
};

template <class T> scp_status drop(const scp_call *c, T *y, const T *x, bool add)
{
    const int64_t rows = scp_batch_rows(&c->node->shape), width = scp_batch_width(&c->node->shape);
    const double p = c->node->attr.random.p;
    const scp_cuda *cu = scp_cuda_of(c->dev);
    if (!c->train) return scp_map_binary<T>(cu, rows * width, y, add, x, nullptr, same{});
    const bool vec = width % 4 == 0 && scp_aligned<T, 4>(x) && scp_aligned<T, 4>(y);
    const dim3 grid((unsigned)scp_ceil_div(rows * ((width + 3) / 4), SCP_BLOCK));
    return scp_launch(cu, "dropout_k", vec ? dropout_k<T, 4> : dropout_k<T, 1>, grid, SCP_BLOCK, 0,
                      c->step, c->node->attr.random.stream, scp_drop_threshold(p),
                      (float)(1.0 / (1.0 - p)), rows, width, x, y, add);
}

scp_status dropout_fwd(const scp_call *c)
{
    return scp_typed(c, [&](auto *tag) {
        using T = SCP_TYPE_OF(tag);
        return drop<T>(c, (T *)c->out, (const T *)c->in[0], false);
    });
}
scp_status dropout_bwd(const scp_call *c)
{
    if (!c->din[0]) return SCP_OK;
    return scp_typed(c, [&](auto *tag) {
        using T = SCP_TYPE_OF(tag);
        return drop<T>(c, (T *)c->din[0], (const T *)c->dout, c->add[0]);
    });
}

} // namespace

const scp_op_impl scp_cuda_dropout = { .op = SCP_OP_DROPOUT,
                                       .fwd = dropout_fwd,
                                       .bwd = dropout_bwd };
