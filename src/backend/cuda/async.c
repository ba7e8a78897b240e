/* Streams, events and CUDA graphs behind dev/stream.h.
 *
 * A capture is thread-local and starts on the main stream; the side stream joins it by an event and
 * must be joined back. The graph is uploaded once, so that the first launch costs no more than the
 * others. */
#include "backend/cuda/memory.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "dev/cuda_check.h"

struct scp_event {
    cudaEvent_t event;
};

struct scp_program {
    cudaGraphExec_t exec;
    size_t calls;
};

static scp_cuda *cuda_of(const scp_device *dev)
{
    return dev->impl;
}

/* The stream of the communicator: its few blocks get in between those of the backward pass. */
scp_status scp_cuda_side_stream(scp_cuda *cu, void **stream)
{
    cudaStream_t made;
    int least = 0, greatest = 0;
    if (!cu->side) {
        SCP_CUDA(cudaDeviceGetStreamPriorityRange(&least, &greatest));
        SCP_CUDA(cudaStreamCreateWithPriority(&made, cudaStreamNonBlocking, greatest));
        cu->side = made;
    }
    *stream = cu->side;
    return SCP_OK;
}

void scp_cuda_side_close(scp_cuda *cu)
{
    if (cu->side) (void)cudaStreamDestroy((cudaStream_t)cu->side);
    cu->side = NULL;
}

static scp_status stream_of(scp_device *dev, scp_stream s, cudaStream_t *out)
{
    void *side = NULL;
    *out = (cudaStream_t)cuda_of(dev)->stream;
    if (s == SCP_STREAM_MAIN) return SCP_OK;
    SCP_TRY(scp_cuda_side_stream(cuda_of(dev), &side));
    *out = (cudaStream_t)side;
    return SCP_OK;
}

static scp_status pin(scp_device *dev, size_t bytes, void **out)
{
    *out = NULL;
    SCP_CUDA(cudaSetDevice(dev->index));
    SCP_CUDA(cudaMallocHost(out, bytes ? bytes : 1));
    memset(*out, 0, bytes ? bytes : 1);
    return SCP_OK;
}

static void unpin(scp_device *dev, void *p)
{
    (void)dev;
    (void)cudaFreeHost(p);
}

static scp_status copy(scp_device *dev, scp_stream s, scp_copy way, void *dst, const void *src,
                       size_t bytes)
{
    cudaStream_t stream;
    enum cudaMemcpyKind kind = way == SCP_COPY_TO_DEVICE ? cudaMemcpyHostToDevice
                               : way == SCP_COPY_TO_HOST ? cudaMemcpyDeviceToHost
                                                         : cudaMemcpyDeviceToDevice;
    SCP_TRY(stream_of(dev, s, &stream));
    SCP_CUDA(cudaMemcpyAsync(dst, src, bytes, kind, stream));
    return SCP_OK;
}

static scp_status event_create(scp_device *dev, scp_event **out)
{
    scp_event *e = NULL;
    (void)dev;
    SCP_TRY(scp_alloc(1, sizeof *e, &e));
    const cudaError_t r = cudaEventCreateWithFlags(&e->event, cudaEventDisableTiming);
    if (r != cudaSuccess) free(e);
    SCP_CUDA(r);
    *out = e;
    return SCP_OK;
}

static void event_destroy(scp_device *dev, scp_event *e)
{
    (void)dev;
    (void)cudaEventDestroy(e->event);
    free(e);
}

static scp_status event_record(scp_device *dev, scp_event *e, scp_stream s)
{
    cudaStream_t stream;
    SCP_TRY(stream_of(dev, s, &stream));
    SCP_CUDA(cudaEventRecord(e->event, stream));
    return SCP_OK;
}

static scp_status event_follow(scp_device *dev, scp_stream s, scp_event *e)
{
    cudaStream_t stream;
    SCP_TRY(stream_of(dev, s, &stream));
    SCP_CUDA(cudaStreamWaitEvent(stream, e->event, cudaEventWaitDefault));
    return SCP_OK;
}

static scp_status event_done(scp_device *dev, scp_event *e, bool *done)
{
    const cudaError_t r = cudaEventQuery(e->event);
    (void)dev;
    *done = r == cudaSuccess;
    if (r == cudaErrorNotReady) {
        (void)cudaGetLastError();
        return SCP_OK;
    }
    SCP_CUDA(r);
    return SCP_OK;
}

static scp_status capture_begin(scp_device *dev)
{
    SCP_CUDA(cudaStreamBeginCapture((cudaStream_t)cuda_of(dev)->stream,
                                    cudaStreamCaptureModeThreadLocal));
    return SCP_OK;
}

static scp_status capture_end(scp_device *dev, scp_program **out)
{
    cudaStream_t stream = (cudaStream_t)cuda_of(dev)->stream;
    cudaGraph_t graph = NULL;
    scp_program *p = NULL;
    scp_status st = SCP_OK;
    SCP_CUDA(cudaStreamEndCapture(stream, &graph));
    SCP_GOTO(done, scp_alloc(1, sizeof *p, &p));
    SCP_CUDA_GOTO(done, cudaGraphGetNodes(graph, NULL, &p->calls));
    SCP_CUDA_GOTO(done, cudaGraphInstantiate(&p->exec, graph, 0));
    SCP_CUDA_GOTO(done, cudaGraphUpload(p->exec, stream));
    *out = p;
    p = NULL;
done:
    if (p && p->exec) (void)cudaGraphExecDestroy(p->exec);
    free(p);
    (void)cudaGraphDestroy(graph);
    return st;
}

static scp_status launch(scp_device *dev, scp_program *p)
{
    SCP_CUDA(cudaGraphLaunch(p->exec, (cudaStream_t)cuda_of(dev)->stream));
    return SCP_OK;
}

static void program_destroy(scp_device *dev, scp_program *p)
{
    (void)cudaStreamSynchronize((cudaStream_t)cuda_of(dev)->stream);
    (void)cudaGraphExecDestroy(p->exec);
    free(p);
}

static size_t program_calls(const scp_program *p)
{
    return p->calls;
}

static scp_status native(scp_device *dev, scp_stream s, void **stream)
{
    cudaStream_t own;
    SCP_TRY(stream_of(dev, s, &own));
    *stream = own;
    return SCP_OK;
}

const scp_async scp_cuda_async = {
    .pin = pin,
    .unpin = unpin,
    .copy = copy,
    .event_create = event_create,
    .event_destroy = event_destroy,
    .event_record = event_record,
    .event_follow = event_follow,
    .event_done = event_done,
    .capture_begin = capture_begin,
    .capture_end = capture_end,
    .launch = launch,
    .program_destroy = program_destroy,
    .program_calls = program_calls,
    .native = native,
};
