/* LINEAR, and the matrix products of other ops, by cuBLASLt.
 *
 * cuBLASLt thinks in columns: a row-major C [m, n] is its C^T [n, m], so its first factor is our B
 * and its second our A, each read as it lies. A plan is kept for every (shape, transposition,
 * types, alignment, epilogue): layouts, and the first algorithm of the heuristics. Bias is added,
 * and the gradient of the bias summed, by the product's epilogue where the heuristics offer an
 * algorithm for it and the vector is aligned to 16 bytes; else by a kernel of one pass over y. The
 * vector has the type of the product's result, as the library wants it.
 *
 * LINEAR: 2 R I O flops forward, 4 R I O backward; bytes: x, W, y once each. At our sizes (R = 256,
 * I and O 128 to 1,024) bound by launch and latency; products with G genes by memory or tensor
 * cores. fp32 products are exact fp32 (CUBLAS_COMPUTE_32F), not TF32. */
#include <cublasLt.h>

#include <cstdlib>
#include <cstring>

#include "backend/cuda/beside.cuh"
#include "backend/cuda/gemm.h"
#include "backend/cuda/map.cuh"
#include "backend/cuda/reduce.cuh"

extern "C" {
#include "base/mem.h"
}

#define SCP_CUBLAS(call)                                                                           \
    do {                                                                                           \
        cublasStatus_t scp_cublas_e_ = (call);                                                     \
        if (scp_cublas_e_ != CUBLAS_STATUS_SUCCESS)                                                \
            return scp_err_raise(SCP_EDEVICE, __FILE__, __LINE__, #call, "cuBLASLt: %s",           \
                                 cublasLtGetStatusString(scp_cublas_e_));                          \
    } while (0)

namespace
{

enum { WORKSPACE = 32 << 20 };

struct plan_key { /* compared byte by byte: no padding */
    int64_t m, n, k;
    int32_t trans_a, trans_b, type, c_type, add, epilogue;
    int32_t align_a, align_b, align_c, zero;
};

struct plan {
    plan_key key;
    bool possible; /* the heuristics know an algorithm */
    cublasLtMatmulDesc_t desc;
    cublasLtMatrixLayout_t a, b, c;
    cublasLtMatmulAlgo_t algo;
    plan *next;
};

cudaDataType_t data_type(scp_dtype t)
{
    return t == SCP_F16 ? CUDA_R_16F : t == SCP_BF16 ? CUDA_R_16BF : CUDA_R_32F;
}

int32_t alignment(const void *p)
{
    int32_t a = 256;
    while (a > 1 && reinterpret_cast<uintptr_t>(p) % (unsigned)a) a /= 2;
    return a;
}

/* A row-major matrix [rows, cols] as cuBLASLt's [cols, rows]. */
scp_status make_layout(cublasLtMatrixLayout_t *out, scp_dtype type, int64_t rows, int64_t cols)
{
    SCP_CUBLAS(
        cublasLtMatrixLayoutCreate(out, data_type(type), (uint64_t)cols, (uint64_t)rows, cols));
    return SCP_OK;
}

scp_status set_vector(const plan *p, const void *vector)
{
    SCP_CUBLAS(cublasLtMatmulDescSetAttribute(p->desc, CUBLASLT_MATMUL_DESC_BIAS_POINTER, &vector,
                                              sizeof vector));
    return SCP_OK;
}

/* vector: of the epilogue. The heuristics may refuse one that has none. */
scp_status describe(plan *p, const void *vector)
{
    const plan_key *k = &p->key;
    const cublasOperation_t of_a = k->trans_b ? CUBLAS_OP_T : CUBLAS_OP_N;
    const cublasOperation_t of_b = k->trans_a ? CUBLAS_OP_T : CUBLAS_OP_N;
    const cublasLtEpilogue_t epilogue = (cublasLtEpilogue_t)k->epilogue;
    const cudaDataType_t bias_type = data_type((scp_dtype)k->c_type);
    const scp_dtype type = (scp_dtype)k->type;
    SCP_CUBLAS(cublasLtMatmulDescCreate(&p->desc, CUBLAS_COMPUTE_32F, CUDA_R_32F));
    SCP_CUBLAS(
        cublasLtMatmulDescSetAttribute(p->desc, CUBLASLT_MATMUL_DESC_TRANSA, &of_a, sizeof of_a));
    SCP_CUBLAS(
        cublasLtMatmulDescSetAttribute(p->desc, CUBLASLT_MATMUL_DESC_TRANSB, &of_b, sizeof of_b));
    SCP_CUBLAS(cublasLtMatmulDescSetAttribute(p->desc, CUBLASLT_MATMUL_DESC_EPILOGUE, &epilogue,
                                              sizeof epilogue));
    if (epilogue != CUBLASLT_EPILOGUE_DEFAULT) {
        SCP_CUBLAS(cublasLtMatmulDescSetAttribute(p->desc, CUBLASLT_MATMUL_DESC_BIAS_DATA_TYPE,
                                                  &bias_type, sizeof bias_type));
        SCP_TRY(set_vector(p, vector));
    }
    SCP_TRY(make_layout(&p->a, type, k->trans_b ? k->n : k->k, k->trans_b ? k->k : k->n));
    SCP_TRY(make_layout(&p->b, type, k->trans_a ? k->k : k->m, k->trans_a ? k->m : k->k));
    return make_layout(&p->c, (scp_dtype)k->c_type, k->m, k->n);
}

/* Ask the heuristics; p->possible says whether they know an algorithm. */
scp_status choose(scp_cuda *cu, plan *p)
{
    cublasLtMatmulPreference_t want = nullptr;
    cublasLtMatmulHeuristicResult_t found;
    const size_t room = cu->workspace_bytes;
    const uint32_t a = (uint32_t)p->key.align_b, b = (uint32_t)p->key.align_a,
                   c = (uint32_t)p->key.align_c, sums = CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE;
    int n = 0;
    SCP_CUBLAS(cublasLtMatmulPreferenceCreate(&want));
    cublasLtMatmulPreferenceSetAttribute(want, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, &room,
                                         sizeof room);
    if (p->key.c_type != SCP_REAL) /* parts of a split sum must not meet in half */
        cublasLtMatmulPreferenceSetAttribute(want, CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK,
                                             &sums, sizeof sums);
    cublasLtMatmulPreferenceSetAttribute(want, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, &a,
                                         sizeof a);
    cublasLtMatmulPreferenceSetAttribute(want, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES, &b,
                                         sizeof b);
    cublasLtMatmulPreferenceSetAttribute(want, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, &c,
                                         sizeof c);
    cublasLtMatmulPreferenceSetAttribute(want, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES, &c,
                                         sizeof c);
    const cublasStatus_t e = cublasLtMatmulAlgoGetHeuristic((cublasLtHandle_t)cu->lt, p->desc, p->a,
                                                            p->b, p->c, p->c, want, 1, &found, &n);
    cublasLtMatmulPreferenceDestroy(want);
    p->possible = e == CUBLAS_STATUS_SUCCESS && n > 0 && found.state == CUBLAS_STATUS_SUCCESS;
    if (p->possible) p->algo = found.algo;
    return SCP_OK;
}

void destroy(plan *p)
{
    if (p->desc) cublasLtMatmulDescDestroy(p->desc);
    if (p->a) cublasLtMatrixLayoutDestroy(p->a);
    if (p->b) cublasLtMatrixLayoutDestroy(p->b);
    if (p->c) cublasLtMatrixLayoutDestroy(p->c);
    free(p);
}

scp_status plan_for(scp_cuda *cu, const plan_key *key, const void *vector, plan **out)
{
    plan *p = nullptr;
    for (p = (plan *)cu->gemms; p; p = p->next)
        if (memcmp(&p->key, key, sizeof *key) == 0) {
            *out = p;
            return SCP_OK;
        }
    SCP_TRY(scp_alloc(1, sizeof *p, &p));
    p->key = *key;
    scp_status st = describe(p, vector);
    if (st == SCP_OK) st = choose(cu, p);
    if (st != SCP_OK) {
        destroy(p);
        return st;
    }
    p->next = (plan *)cu->gemms;
    cu->gemms = p;
    *out = p;
    return SCP_OK;
}

plan_key key_of(const scp_gemm_call *g, cublasLtEpilogue_t epilogue)
{
    plan_key k = {};
    k.m = g->m, k.n = g->n, k.k = g->k;
    k.trans_a = g->trans_a, k.trans_b = g->trans_b;
    k.type = g->type, k.c_type = g->c_type, k.add = g->add, k.epilogue = epilogue;
    k.align_a = alignment(g->A), k.align_b = alignment(g->B), k.align_c = alignment(g->C);
    return k;
}

scp_status multiply(scp_cuda *cu, plan *p, const scp_gemm_call *g, const void *bias)
{
    const float one = 1.0f, beta = g->add ? 1.0f : 0.0f;
    if (bias) SCP_TRY(set_vector(p, bias));
    if (cu->seen) cu->seen(cu->seen_by, "cublasLtMatmul", 0, 0, 0);
    SCP_CUBLAS(cublasLtMatmul((cublasLtHandle_t)cu->lt, p->desc, &one, g->B, p->a, g->A, p->b,
                              &beta, g->C, p->c, g->C, p->c, &p->algo,
                              cu->workspace[cu->main != nullptr], cu->workspace_bytes,
                              (cudaStream_t)cu->stream));
    return SCP_OK;
}

} // namespace

scp_status scp_cuda_gemm_open(scp_cuda *cu)
{
    cublasLtHandle_t lt = nullptr;
    SCP_CUBLAS(cublasLtCreate(&lt));
    cu->lt = lt;
    cu->workspace_bytes = WORKSPACE;
    for (void *&room : cu->workspace) SCP_CUDA(cudaMalloc(&room, cu->workspace_bytes));
    return SCP_OK;
}

void scp_cuda_gemm_close(scp_cuda *cu)
{
    for (plan *p = (plan *)cu->gemms, *next; p; p = next) {
        next = p->next;
        destroy(p);
    }
    cu->gemms = nullptr;
    for (void *&room : cu->workspace) {
        if (room) (void)cudaFree(room);
        room = nullptr;
    }
    if (cu->lt) cublasLtDestroy((cublasLtHandle_t)cu->lt);
    cu->lt = nullptr;
}

scp_status scp_cuda_gemm(scp_cuda *cu, const scp_gemm_call *g, bool *fused)
{
    const void *vector = g->bias ? g->bias : g->row_sums;
    if (reinterpret_cast<uintptr_t>(vector) % 16) vector = nullptr;
    const cublasLtEpilogue_t wish = !vector   ? CUBLASLT_EPILOGUE_DEFAULT
                                    : g->bias ? CUBLASLT_EPILOGUE_BIAS
                                              : CUBLASLT_EPILOGUE_BGRADB;
    plan_key key = key_of(g, wish);
    plan *p = nullptr;
    SCP_TRY(plan_for(cu, &key, vector, &p));
    if (fused) *fused = p->possible && wish != CUBLASLT_EPILOGUE_DEFAULT;
    if (p->possible) return multiply(cu, p, g, vector);
    if (wish != CUBLASLT_EPILOGUE_DEFAULT) {
        key = key_of(g, CUBLASLT_EPILOGUE_DEFAULT);
        SCP_TRY(plan_for(cu, &key, nullptr, &p));
    }
    if (!p->possible)
        SCP_FAIL(SCP_EDEVICE, "cuBLASLt knows no product of [%lld, %lld] and [%lld, %lld]",
                 (long long)g->m, (long long)g->k, (long long)g->k, (long long)g->n);
    return multiply(cu, p, g, nullptr);
}

/* ---- LINEAR ---- */

namespace
{

struct sizes {
    int64_t R, I, O;
};

sizes sizes_of(const scp_call *c)
{
    const scp_node *n = c->node;
    return { scp_shape_rows(&n->in[0]->shape), scp_shape_last(&n->in[0]->shape),
             scp_shape_last(&n->shape) };
}

template <class T> struct biased {
    enum { WIDTH = 16 / sizeof(T) };
    T *y;
    const T *b;
    int64_t O;
    template <int V> __device__ void run(int64_t i) const
    {
        float x[V];
        scp_load(x, b + scp_place_of(i, O).col);
        scp_store(y + i, true, x);
    }
    bool aligned() const
    {
        return O % WIDTH == 0 && scp_aligned<T, WIDTH>(y) && scp_aligned<T, WIDTH>(b);
    }
};

scp_status linear_fwd(const scp_call *c)
{
    const sizes s = sizes_of(c);
    scp_cuda *cu = scp_cuda_of(c->dev);
    const void *b = c->node->n_in > 2 ? c->in[2] : nullptr;
    bool fused = false;
    if (c->in_type[0] != c->in_type[1])
        SCP_FAIL(SCP_EINTERNAL, "'%s': x and W are stored in different types", c->node->name);
    if (b && c->in_type[2] != c->out_type)
        SCP_FAIL(SCP_EINTERNAL, "'%s': bias and y are stored in different types", c->node->name);
    const scp_gemm_call g = { s.R,           s.O,    s.I,         false, true, c->in[0], c->in[1],
                              c->in_type[0], c->out, c->out_type, false, b,    nullptr };
    SCP_TRY(scp_cuda_gemm(cu, &g, &fused));
    if (!b || fused) return SCP_OK;
    return scp_with_type(c->out_type, [&](auto *tag) {
        using T = SCP_TYPE_OF(tag);
        return scp_map(cu, s.R * s.O, biased<T>{ (T *)c->out, (const T *)b, s.O });
    });
}

template <class T> struct row_value {
    const T *dy;
    int64_t O;
    __device__ void operator()(int64_t r, int64_t j, double (&v)[1]) const
    {
        v[0] = scp_widen(dy[r * O + j]);
    }
};
struct to_bias {
    float *db;
    bool add;
    __device__ void operator()(int64_t j, const double (&s)[1]) const
    {
        scp_put(db + j, add, (float)s[0]);
    }
};

/* dW [O, I] = dy^T x, and where the library can, db with it. Both are of parameters, and fp32. */
scp_status weight_grad(const scp_call *c, const sizes &s, bool *fused)
{
    const bool fp32 = c->din_type[1] == SCP_REAL;
    float *db = c->node->n_in > 2 && !c->add[2] && fp32 ? (float *)c->din[2] : nullptr;
    const scp_gemm_call g = {
        s.O,      s.I,           s.R,       true,           false,     c->dout,
        c->in[0], c->in_type[0], c->din[1], c->din_type[1], c->add[1], nullptr,
        db
    };
    return scp_cuda_gemm(scp_cuda_of(c->dev), &g, db ? fused : nullptr);
}

scp_status input_grad(const scp_call *c, const sizes &s)
{
    const scp_gemm_call g = { s.R,       s.I,      s.O,           false,     false,
                              c->dout,   c->in[1], c->in_type[1], c->din[0], c->din_type[0],
                              c->add[0], nullptr,  nullptr };
    return c->din[0] ? scp_cuda_gemm(scp_cuda_of(c->dev), &g, nullptr) : SCP_OK;
}

/* dW, and db where dW's product does not bring it. */
scp_status parameter_grads(const scp_call *c, const sizes &s)
{
    bool fused = false;
    if (c->din[1]) SCP_TRY(weight_grad(c, s, &fused));
    if (c->node->n_in < 3 || !c->din[2] || fused) return SCP_OK;
    return scp_with_type(c->out_type, [&](auto *tag) {
        using T = SCP_TYPE_OF(tag);
        return scp_columns<1>(scp_cuda_of(c->dev), s.R, s.O,
                              row_value<T>{ (const T *)c->dout, s.O },
                              to_bias{ (float *)c->din[2], c->add[2] });
    });
}

/* x and W may be one value, whose gradients are one, too. */
scp_status linear_bwd(const scp_call *c)
{
    const sizes s = sizes_of(c);
    const bool both = c->din[0] && (c->din[1] || c->din[2]) && c->din[0] != c->din[1];
    if (c->out_type != c->in_type[0])
        SCP_FAIL(SCP_EINTERNAL, "'%s': x and y are stored in different types", c->node->name);
    if (c->node->n_in > 2 && c->din[2] && c->din_type[2] != SCP_REAL)
        SCP_FAIL(SCP_EINTERNAL, "'%s': the gradient of a bias is fp32", c->node->name);
    return scp_beside(
        scp_cuda_of(c->dev), both, [&]() { return input_grad(c, s); },
        [&]() { return parameter_grads(c, s); });
}

} // namespace

const scp_op_impl scp_cuda_linear = { .op = SCP_OP_LINEAR, .fwd = linear_fwd, .bwd = linear_bwd };
