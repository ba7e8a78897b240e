/* Products of cuBLASLt on the host: column-major, op(A) op(B) with fp32 factors and fp32 sums, the
 * epilogues that the project asks for. Shapes, leading dimensions and alignment are checked as the
 * library documents them. See emu.h for refusing epilogues. */
#include "cublasLt.h"

#include <vector>

#include "cuda_bf16.h"
#include "cuda_fp16.h"
#include "emu/emu.h"
#include "emu/record.h"

struct cublasLtContext {
    int unused;
};
struct cublasLtMatmulDescOpaque_t {
    int op_a, op_b, epilogue, bias_type;
    void *bias;
};
struct cublasLtMatrixLayoutOpaque_t {
    cudaDataType_t type;
    int64_t rows, cols, ld;
};
struct cublasLtMatmulPreferenceOpaque_t {
    uint64_t align[4];
    uint32_t sums; /* how parts of a split sum may meet */
};

namespace
{

unsigned refused;

float get(const void *p, cudaDataType_t type, int64_t i)
{
    switch (type) {
    case CUDA_R_16F:
        return __half2float(((const __half *)p)[i]);
    case CUDA_R_16BF:
        return __bfloat162float(((const __nv_bfloat16 *)p)[i]);
    default:
        return ((const float *)p)[i];
    }
}
void put(void *p, cudaDataType_t type, int64_t i, float x)
{
    switch (type) {
    case CUDA_R_16F:
        ((__half *)p)[i] = __float2half_rn(x);
        break;
    case CUDA_R_16BF:
        ((__nv_bfloat16 *)p)[i] = __float2bfloat16_rn(x);
        break;
    default:
        ((float *)p)[i] = x;
    }
}

struct product {
    cublasLtMatmulDescOpaque_t d;
    cublasLtMatrixLayoutOpaque_t a, b, c;
    float alpha, beta;
    const void *A, *B, *C;
    void *D;

    int64_t inner() const
    {
        return d.op_a == CUBLAS_OP_N ? a.cols : a.rows;
    }
    /* op(A) [m, k] by rows, op(B) [k, n] by columns */
    std::vector<float> factor(bool first) const
    {
        const cublasLtMatrixLayoutOpaque_t &l = first ? a : b;
        const bool along = (first ? d.op_a : d.op_b) == CUBLAS_OP_N;
        const int64_t outer = first ? c.rows : c.cols, k = inner();
        std::vector<float> out((size_t)(outer * k));
        for (int64_t o = 0; o < outer; o++)
            for (int64_t e = 0; e < k; e++) {
                const bool row_is_outer = first == along;
                const int64_t row = row_is_outer ? o : e, col = row_is_outer ? e : o;
                out[(size_t)(o * k + e)] = get(first ? A : B, l.type, row + col * l.ld);
            }
        return out;
    }
    cudaError_t run() const
    {
        if (emu::dry()) return cudaSuccess;
        const int64_t k = inner();
        const std::vector<float> fa = factor(true), fb = factor(false);
        for (int64_t j = 0; j < c.cols; j++)
            for (int64_t i = 0; i < c.rows; i++) {
                float sum = 0;
                for (int64_t e = 0; e < k; e++)
                    sum += fa[(size_t)(i * k + e)] * fb[(size_t)(j * k + e)];
                sum *= alpha;
                if (beta != 0) sum += beta * get(C, c.type, i + j * c.ld);
                if (d.epilogue == CUBLASLT_EPILOGUE_BIAS) sum += get(d.bias, c.type, i);
                put(D, c.type, i + j * c.ld, sum);
            }
        if (d.epilogue != CUBLASLT_EPILOGUE_BGRADB) return cudaSuccess;
        for (int64_t j = 0; j < c.cols; j++) {
            float sum = 0;
            for (int64_t e = 0; e < k; e++) sum += fb[(size_t)(j * k + e)];
            put(d.bias, c.type, j, sum);
        }
        return cudaSuccess;
    }
};

bool fits(cublasLtMatmulDesc_t d, cublasLtMatrixLayout_t a, cublasLtMatrixLayout_t b,
          cublasLtMatrixLayout_t c)
{
    const int64_t m = d->op_a == CUBLAS_OP_N ? a->rows : a->cols;
    const int64_t k = d->op_a == CUBLAS_OP_N ? a->cols : a->rows;
    const int64_t kb = d->op_b == CUBLAS_OP_N ? b->rows : b->cols;
    const int64_t n = d->op_b == CUBLAS_OP_N ? b->cols : b->rows;
    return m == c->rows && n == c->cols && k == kb && a->type == b->type && a->ld >= a->rows &&
           b->ld >= b->rows && c->ld >= c->rows && (c->type == a->type || c->type == CUDA_R_32F);
}

} // namespace

extern "C" {

void scp_emu_refuse_epilogues(unsigned mask)
{
    refused = mask;
}
const char *cublasLtGetStatusString(cublasStatus_t s)
{
    return s == CUBLAS_STATUS_SUCCESS ? "success" : "invalid value or not supported (emulation)";
}
cublasStatus_t cublasLtCreate(cublasLtHandle_t *h)
{
    *h = new cublasLtContext{};
    return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtDestroy(cublasLtHandle_t h)
{
    delete h;
    return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtMatmulDescCreate(cublasLtMatmulDesc_t *d, cublasComputeType_t compute,
                                        cudaDataType_t scale)
{
    *d = new cublasLtMatmulDescOpaque_t{ CUBLAS_OP_N, CUBLAS_OP_N, CUBLASLT_EPILOGUE_DEFAULT, -1,
                                         nullptr };
    return compute == CUBLAS_COMPUTE_32F && scale == CUDA_R_32F ? CUBLAS_STATUS_SUCCESS
                                                                : CUBLAS_STATUS_NOT_SUPPORTED;
}
cublasStatus_t cublasLtMatmulDescDestroy(cublasLtMatmulDesc_t d)
{
    delete d;
    return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtMatmulDescSetAttribute(cublasLtMatmulDesc_t d,
                                              cublasLtMatmulDescAttributes_t what,
                                              const void *value, size_t size)
{
    if (what == CUBLASLT_MATMUL_DESC_BIAS_POINTER) {
        if (size != sizeof(void *)) return CUBLAS_STATUS_INVALID_VALUE;
        d->bias = *(void *const *)value;
        return CUBLAS_STATUS_SUCCESS;
    }
    if (size != sizeof(int)) return CUBLAS_STATUS_INVALID_VALUE;
    const int x = *(const int *)value;
    if (what == CUBLASLT_MATMUL_DESC_TRANSA) d->op_a = x;
    if (what == CUBLASLT_MATMUL_DESC_TRANSB) d->op_b = x;
    if (what == CUBLASLT_MATMUL_DESC_EPILOGUE) d->epilogue = x;
    if (what == CUBLASLT_MATMUL_DESC_BIAS_DATA_TYPE) d->bias_type = x;
    return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtMatrixLayoutCreate(cublasLtMatrixLayout_t *l, cudaDataType_t type,
                                          uint64_t rows, uint64_t cols, int64_t ld)
{
    *l = new cublasLtMatrixLayoutOpaque_t{ type, (int64_t)rows, (int64_t)cols, ld };
    return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtMatrixLayoutDestroy(cublasLtMatrixLayout_t l)
{
    delete l;
    return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtMatmulPreferenceCreate(cublasLtMatmulPreference_t *p)
{
    *p = new cublasLtMatmulPreferenceOpaque_t{ {}, CUBLASLT_REDUCTION_SCHEME_MASK };
    return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtMatmulPreferenceDestroy(cublasLtMatmulPreference_t p)
{
    delete p;
    return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtMatmulPreferenceSetAttribute(cublasLtMatmulPreference_t p,
                                                    cublasLtMatmulPreferenceAttributes_t what,
                                                    const void *value, size_t size)
{
    if (what == CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES)
        return size == sizeof(size_t) ? CUBLAS_STATUS_SUCCESS : CUBLAS_STATUS_INVALID_VALUE;
    if (size != sizeof(uint32_t)) return CUBLAS_STATUS_INVALID_VALUE;
    if (what == CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK) {
        p->sums = *(const uint32_t *)value;
        return CUBLAS_STATUS_SUCCESS;
    }
    p->align[what - CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES] = *(const uint32_t *)value;
    return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtMatmulAlgoGetHeuristic(cublasLtHandle_t, cublasLtMatmulDesc_t d,
                                              cublasLtMatrixLayout_t a, cublasLtMatrixLayout_t b,
                                              cublasLtMatrixLayout_t c, cublasLtMatrixLayout_t out,
                                              cublasLtMatmulPreference_t p, int most,
                                              cublasLtMatmulHeuristicResult_t *found, int *n)
{
    *n = 0;
    if (most < 1 || c != out || !fits(d, a, b, c)) return CUBLAS_STATUS_INVALID_VALUE;
    if (d->epilogue != CUBLASLT_EPILOGUE_DEFAULT && (d->bias_type != c->type || !d->bias))
        return CUBLAS_STATUS_INVALID_VALUE; /* no vector: the library's checks may fail */
    if (c->type != CUDA_R_32F && p->sums != CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE)
        return CUBLAS_STATUS_INVALID_VALUE; /* the library may; this project does not want it */
    if ((unsigned)d->epilogue & refused) return CUBLAS_STATUS_NOT_SUPPORTED;
    *found = cublasLtMatmulHeuristicResult_t{};
    for (int i = 0; i < 4; i++) found->algo.data[i] = p->align[i];
    *n = 1;
    return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtMatmul(cublasLtHandle_t, cublasLtMatmulDesc_t d, const void *alpha,
                              const void *A, cublasLtMatrixLayout_t a, const void *B,
                              cublasLtMatrixLayout_t b, const void *beta, const void *C,
                              cublasLtMatrixLayout_t c, void *D, cublasLtMatrixLayout_t out,
                              const cublasLtMatmulAlgo_t *algo, void *workspace, size_t room,
                              cudaStream_t stream)
{
    const void *at[4] = { A, B, C, D };
    if (C != D || c != out || !fits(d, a, b, c)) return CUBLAS_STATUS_INVALID_VALUE;
    if (d->epilogue != CUBLASLT_EPILOGUE_DEFAULT && (!d->bias || (uintptr_t)d->bias % 16))
        return CUBLAS_STATUS_INVALID_VALUE; /* a GPU faults: epilogues read 16 bytes at a time */
    for (int i = 0; i < 4; i++) /* what the heuristics were promised */
        if (!algo->data[i] || (uintptr_t)at[i] % algo->data[i]) return CUBLAS_STATUS_INVALID_VALUE;
    const product p = { *d, *a, *b, *c, *(const float *)alpha, *(const float *)beta, A, B, C, D };
    std::vector<const void *> writes = { D };
    if (room) writes.push_back(workspace); /* the library may use it, whatever the algorithm */
    if (d->epilogue == CUBLASLT_EPILOGUE_BGRADB) writes.push_back(d->bias);
    return emu::enqueue(stream, [p]() { return p.run(); }, std::move(writes)) == cudaSuccess
               ? CUBLAS_STATUS_SUCCESS
               : CUBLAS_STATUS_INVALID_VALUE;
}

} // extern "C"
