/* Two parts of a call that need nothing of each other, side by side: in a recorded step the second
 * is a branch of its own, so that two small kernels share the device and a step's longest chain of
 * calls is shorter. What is not recorded runs one after the other: there the events would cost the
 * host more than they save. Both use device memory of their own; of the reductions of reduce.cuh,
 * which share their partial sums, only one part may hold any. */
#ifndef SCP_BACKEND_CUDA_BESIDE_CUH
#define SCP_BACKEND_CUDA_BESIDE_CUH

#include "backend/cuda/cuda.h"
#include "dev/cuda_check.h"

#include <cuda_runtime.h>

/** From here on calls go to the stream beside the main one, which follows what was enqueued. */
static inline scp_status scp_beside_begin(scp_cuda *cu)
{
    cudaStream_t beside = static_cast<cudaStream_t>(cu->beside);
    SCP_CUDA(cudaEventRecord((cudaEvent_t)cu->fork, (cudaStream_t)cu->stream));
    SCP_CUDA(cudaStreamWaitEvent(beside, (cudaEvent_t)cu->fork, cudaEventWaitDefault));
    cu->main = cu->stream;
    cu->stream = beside;
    return SCP_OK;
}

/** Back to the main stream; the other's work is not joined yet. */
static inline scp_status scp_beside_end(scp_cuda *cu)
{
    cudaStream_t beside = static_cast<cudaStream_t>(cu->stream);
    cu->stream = cu->main;
    cu->main = nullptr;
    SCP_CUDA(cudaEventRecord((cudaEvent_t)cu->joined, beside));
    return SCP_OK;
}

/** Run f and g, each scp_status(), side by side where the main stream is being recorded and `apart`
 *  says that neither writes what the other touches; else f, then g. */
template <class F, class G> static scp_status scp_beside(scp_cuda *cu, bool apart, F f, G g)
{
    cudaStreamCaptureStatus status = cudaStreamCaptureStatusNone;
    cudaStream_t main = static_cast<cudaStream_t>(cu->stream);
    SCP_CUDA(cudaStreamIsCapturing(main, &status));
    if (!apart || cu->main || status == cudaStreamCaptureStatusNone) {
        SCP_TRY(f());
        return g();
    }
    SCP_TRY(scp_beside_begin(cu));
    scp_status st = g();
    SCP_KEEP(st, scp_beside_end(cu));
    if (st == SCP_OK) st = f();
    SCP_CUDA(cudaStreamWaitEvent(main, (cudaEvent_t)cu->joined, cudaEventWaitDefault));
    return st;
}

#endif
