/* The CUDA backend as the rest of the engine sees it, without CUDA's own headers.
 *
 * A device's `impl` is an scp_cuda. Its ops fill the same table as cpu and ref (tensor/op.h): all
 * work goes to scp_cuda.stream in order, nothing is allocated, waited for or read back, and what
 * changes from step to step is read from scp_cuda_scalars in device memory. So the calls of a plan
 * can be recorded into a CUDA graph once and replayed for ever: scp_call.step is used for its
 * `train` flag alone.
 *
 * Storage: scp_call.store says how the reals that scp_op_info.stored names are kept; sums are fp32
 * or wider, reductions have a fixed order, so results repeat bit for bit. Nothing here is
 * collective but what scp_cuda.allreduce makes so. */
#ifndef SCP_BACKEND_CUDA_CUDA_H
#define SCP_BACKEND_CUDA_CUDA_H

#ifdef __cplusplus
extern "C" {
#endif

#include <stddef.h>
#include <stdint.h>

#include "comm/comm.h"
#include "tensor/op.h"
#include "tensor/optim.h"

/* What a kernel found and could not report: bits of scp_cuda_scalars.fault, which stay set. */
enum {
    SCP_CUDA_FAULT_INDEX = 1, /* a row id outside its table; the nearest row was taken   */
    SCP_CUDA_FAULT_TIME = 2,  /* COMBINE_T: a time outside the tables; likewise          */
    SCP_CUDA_FAULT_ROWS = 4   /* BATCHNORM: fewer than 2 rows in the global batch        */
};

/* The numbers of a step, in device memory. The host writes them between steps, or kernels move them
 * (scp_cuda_advance), and reads them every k steps. */
typedef struct scp_cuda_scalars {
    uint64_t seed;      /* as scp_step                                                     */
    int64_t step, row0; /* as scp_step                                                     */
    int64_t t;          /* of AdamW: 1 at the first step that is taken                     */
    double lr;          /* learning rate of this step                                      */
    double loss_scale;  /* gradients are this times too large; 1 without mixed precision   */
    int64_t good;       /* steps without an overflow since the scale last changed          */
    int64_t skipped;    /* steps that were left out for a gradient that was not finite     */
    double grad_norm;   /* of the unscaled gradient before clipping, by scp_cuda_grad_norm */
    double grad_factor; /* unscaling and clipping in one factor                            */
    int32_t found_inf;  /* this step's gradient is not finite: it is skipped               */
    int32_t fault;      /* SCP_CUDA_FAULT_*                                                */
} scp_cuda_scalars;

/* Largest number of partial results of a reduction (scp_cuda.partial has twice as many doubles). */
enum { SCP_CUDA_PARTIALS = 1 << 16, SCP_CUDA_TICKETS = 1 << 12 };

typedef struct scp_cuda {
    void *stream;    /* cudaStream_t of all work; replaced by who records or overlaps */
    void *lt;        /* cublasLtHandle_t                                       */
    void *gemms;     /* plans of matrix products by shape, gemm_lt.cu          */
    void *workspace; /* of cuBLASLt, device memory                             */
    size_t workspace_bytes;
    double *partial;   /* [2 SCP_CUDA_PARTIALS] partial sums of the running reduction    */
    uint32_t *tickets; /* [SCP_CUDA_TICKETS] zero between kernels                        */
    scp_cuda_scalars *scalars;
    int processors; /* multiprocessors                                        */
    /** Sum buf [n] (device memory) over the ranks of comm, in stream order. NULL: calls with a comm
     *  of more than one rank fail with SCP_EDEVICE. */
    scp_status (*allreduce)(struct scp_cuda *cu, scp_comm *comm, void *buf, size_t n,
                            scp_comm_type type);
} scp_cuda;

/** Open device `index` into dev->impl, and close it. The members of the backend table. */
scp_status scp_cuda_open(scp_device *dev, int index) SCP_MUST_USE;
void scp_cuda_close(scp_device *dev);

/** Write a step's seed, step and row0 to the device, in stream order (scp_backend.begin). Not for a
 *  recorded sequence: it holds the numbers by value. */
scp_status scp_cuda_begin(scp_device *dev, const scp_step *step) SCP_MUST_USE;

/** The scalars as they are now; waits for the stream. And: write all of them, in stream order. */
scp_status scp_cuda_scalars_read(scp_cuda *cu, scp_cuda_scalars *host) SCP_MUST_USE;
scp_status scp_cuda_scalars_write(scp_cuda *cu, const scp_cuda_scalars *host) SCP_MUST_USE;

/** One kernel, for the end of a recorded step: the dynamic loss scale moves (halved after an
 *  overflow, doubled after `interval` good steps; interval 0 keeps it), t and good or skipped
 * count, step + 1, row0 + rows. */
scp_status scp_cuda_advance(scp_cuda *cu, int64_t rows, int64_t interval) SCP_MUST_USE;

/** dst [n] (+)= src [n], each of its own storage. */
scp_status scp_cuda_cast(scp_cuda *cu, void *dst, scp_store dst_store, const void *src,
                         scp_store src_store, size_t n, bool add) SCP_MUST_USE;

/** *grad (fp32) = loss_scale: where the backward pass of a scaled loss starts. */
scp_status scp_cuda_seed_loss(scp_cuda *cu, void *grad) SCP_MUST_USE;

/** One pass over a gradient arena g [n] fp32: grad_norm and found_inf of what g / loss_scale is,
 * and grad_factor = min(1, clip / (grad_norm + 1e-6)) / loss_scale (clip <= 0 does not clip). */
scp_status scp_cuda_grad_norm(scp_cuda *cu, const void *g, size_t n, double clip) SCP_MUST_USE;

/** One pass over the arenas: g' = grad_factor g, AdamW with lr and t of the scalars and the betas,
 *  eps, decay and ema_decay of h, the moving average (ema may be NULL), and the weights in half
 *  (half may be NULL, else [n] of `store`). Does nothing to w, m, v, ema when found_inf is set. */
scp_status scp_cuda_adamw(scp_cuda *cu, const scp_adamw *h, size_t n, void *w, const void *g,
                          void *m, void *v, void *ema, const uint8_t *decay_mask, void *half,
                          scp_store store) SCP_MUST_USE;

/** ema (+)= (1 - ema_decay)(w - ema) for states, skipped like the weights. */
scp_status scp_cuda_ema(scp_cuda *cu, double ema_decay, size_t n, const void *w,
                        void *ema) SCP_MUST_USE;

#ifdef __cplusplus
}
#endif

#endif
