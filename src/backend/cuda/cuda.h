/* The CUDA backend as the rest of the engine sees it, without CUDA's own headers.
 *
 * A device's `impl` is an scp_cuda. Its ops fill the same table as cpu and ref (tensor/op.h): all
 * work goes to scp_cuda.stream in order, nothing is allocated, waited for or read back, and what
 * changes from step to step is read from scp_call.step in device memory. So the calls of a plan can
 * be recorded into a CUDA graph once and replayed for ever.
 *
 * Storage: reals that scp_op_info.stored names may be F16 or BF16 (scp_call.in_type, out_type), all
 * those of a call alike; a gradient has the type of its value, but LINEAR and GATHER also write
 * fp32 gradients (din_type) and GATHER also reads an fp32 table. Sums are fp32 or wider, reductions
 * have a fixed order, so results repeat bit for bit. Collective: BATCHNORM in training. */
#ifndef SCP_BACKEND_CUDA_CUDA_H
#define SCP_BACKEND_CUDA_CUDA_H

#ifdef __cplusplus
extern "C" {
#endif

#include <stddef.h>
#include <stdint.h>

#include "tensor/op.h"
#include "tensor/optim.h"

/* What a kernel found and could not report: bits of *scp_cuda.fault, which stay set. */
enum {
    SCP_CUDA_FAULT_INDEX = 1, /* a row id outside its table; the nearest row was taken   */
    SCP_CUDA_FAULT_TIME = 2,  /* COMBINE_T: a time outside the tables; likewise          */
    SCP_CUDA_FAULT_ROWS = 4   /* BATCHNORM: fewer than 2 rows in the global batch        */
};

/* Largest number of partial results of a reduction (scp_cuda.partial has twice as many doubles). */
enum { SCP_CUDA_PARTIALS = 1 << 16, SCP_CUDA_TICKETS = 1 << 12 };

/* Who wants to know of launches, with the grid (0: a library's own choice). */
typedef void scp_cuda_seen(void *ctx, const char *kernel, unsigned grid_x, unsigned grid_y,
                           int block);

typedef struct scp_cuda {
    void *stream;        /* cudaStream_t of all work; replaced by who records or overlaps */
    void *side;          /* cudaStream_t beside it, NULL until async.c is asked for one */
    void *beside;        /* cudaStream_t of the branches of recorded steps, beside.cuh  */
    void *fork, *joined; /* cudaEvent_t between it and the main one                 */
    void *main;          /* the main stream while `stream` is `beside`, else NULL       */
    void *lt;            /* cublasLtHandle_t                                       */
    void *gemms;         /* plans of matrix products by shape, gemm_lt.cu          */
    void *workspace[2];  /* of cuBLASLt, device memory: main stream, beside       */
    size_t workspace_bytes;
    double *partial;     /* [2 SCP_CUDA_PARTIALS] partial sums of the running reduction    */
    uint32_t *tickets;   /* [SCP_CUDA_TICKETS] zero between kernels                        */
    double *result;      /* [8] of a reduction that the host waits for                       */
    float *rates;        /* [4] of the optimiser's step: optim.cu                            */
    int32_t *fault;      /* device memory: SCP_CUDA_FAULT_* of all kernels so far           */
    int processors;      /* multiprocessors                                        */
    scp_cuda_seen *seen; /* NULL: nobody                                         */
    void *seen_by;
} scp_cuda;

/** Open device `index` into dev->impl, and close it. The members of the backend table. */
scp_status scp_cuda_open(scp_device *dev, int index) SCP_MUST_USE;
void scp_cuda_close(scp_device *dev);

/** The members of scp_step_impl: load and seed, step_load.cu; update, optim.cu. */
struct scp_step_ring;
struct scp_step_state;
scp_status scp_cuda_step_load(scp_device *dev, const struct scp_step_ring *r) SCP_MUST_USE;
scp_status scp_cuda_step_seed(scp_device *dev, const struct scp_step_state *state, const void *loss,
                              void *loss_grad) SCP_MUST_USE;
struct scp_update;
scp_status scp_cuda_step_update(scp_device *dev, const struct scp_update *u) SCP_MUST_USE;

/** SCP_EINTERNAL with words when a kernel found a fault; waits for the stream. */
scp_status scp_cuda_check(scp_cuda *cu) SCP_MUST_USE;

/** dst [n] = src [n], each of its own storage: SCP_REAL, SCP_F16 or SCP_BF16 (scp_backend.cast). */
scp_status scp_cuda_cast(scp_device *dev, void *dst, scp_dtype dst_type, const void *src,
                         scp_dtype src_type, size_t n) SCP_MUST_USE;

#ifdef __cplusplus
}
#endif

#endif
