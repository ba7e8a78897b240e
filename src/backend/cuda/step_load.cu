/* The beginning of a recorded step (tensor/step.h): one kernel copies the next record of the ring
 * into the state and the inputs of the plan. Which slot is next is counted in device memory. Reads
 * and writes feed_bytes once: a few KB, bound by latency. And where its backward pass begins. */
#include "backend/cuda/kernel.cuh"
#include "tensor/step.h"

enum { THREADS = 1024 };

/* One block: all threads must have read which slot it is before one of them moves on. Records and
 * feed are aligned to 64 bytes. */
static __global__ void __launch_bounds__(THREADS)
    load_k(scp_step_state *state, const char *records, int64_t slots, size_t record_bytes,
           uint32_t *feed, size_t words)
{
    const char *record = records + (size_t)(state->next % slots) * record_bytes;
    const uint32_t *from = (const uint32_t *)(record + SCP_STEP_HEAD);
    for (size_t i = threadIdx.x; i < words; i += THREADS) feed[i] = from[i];
    __syncthreads();
    if (threadIdx.x) return;
    state->now = *(const scp_step_record *)record;
    state->next += 1;
}

scp_status scp_cuda_step_load(scp_device *dev, const scp_step_ring *r)
{
    return scp_launch(scp_cuda_of(dev), "load_k", load_k, dim3(1), THREADS, 0, r->state,
                      (const char *)r->records, r->slots, scp_step_record_bytes(r->feed_bytes),
                      (uint32_t *)r->feed, r->feed_bytes / 4);
}

static __global__ void seed_k(const scp_step_state *state, const float *loss, float *loss_grad)
{
    *loss_grad = (float)state->loss_scale + 0.0f * *loss;
}

scp_status scp_cuda_step_seed(scp_device *dev, const scp_step_state *state, const void *loss,
                              void *loss_grad)
{
    return scp_launch(scp_cuda_of(dev), "seed_k", seed_k, dim3(1), 1, 0, state, (const float *)loss,
                      (float *)loss_grad);
}
