/* The emulator finds what lies between calls rather than in a kernel: work of two streams, or of a
 * stream and the host, that nothing orders; what a capture does not allow; and what a graph keeps
 * that should have changed. Each check beside the same calls done right. */
#include <cstdlib>
#include <cstring>
#include <vector>

#include "cuda_runtime.h"
#include "emu/emu.h"

extern "C" {
#include "tap.h"
}

namespace
{

constexpr int N = 32, TRIES = 16;

/* to = factor from + 1, element by element. */
__global__ void affine_k(float *to, const float *from, float factor)
{
    to[threadIdx.x] = factor * from[threadIdx.x] + 1;
}

/* The same by a factor in device memory. */
__global__ void affine_by_k(float *to, const float *from, const float *factor)
{
    to[threadIdx.x] = *factor * from[threadIdx.x] + 1;
}

template <class... P, class... A> void start(cudaStream_t s, void (*kernel)(P...), A... args)
{
    cudaLaunchConfig_t cfg = {};
    cfg.gridDim = dim3(1);
    cfg.blockDim = dim3(N);
    cfg.stream = s;
    (void)cudaLaunchKernelEx(&cfg, kernel, P(args)...);
}

/* Two streams, an event, four arrays on the device and one that is pinned. */
struct bench {
    cudaStream_t main, side;
    cudaEvent_t event, other;
    float *x[4], *pinned;

    bench()
    {
        (void)cudaStreamCreateWithFlags(&main, cudaStreamNonBlocking);
        (void)cudaStreamCreateWithFlags(&side, cudaStreamNonBlocking);
        (void)cudaEventCreateWithFlags(&event, cudaEventDisableTiming);
        (void)cudaEventCreateWithFlags(&other, cudaEventDisableTiming);
        for (float *&each : x) {
            (void)cudaMalloc((void **)&each, N * sizeof(float));
            (void)cudaMemsetAsync(each, 0, N * sizeof(float), main);
        }
        (void)cudaMallocHost((void **)&pinned, N * sizeof(float));
        (void)cudaDeviceSynchronize();
    }
    ~bench()
    {
        (void)cudaDeviceSynchronize();
        for (float *each : x) (void)cudaFree(each);
        (void)cudaFreeHost(pinned);
        (void)cudaEventDestroy(event);
        (void)cudaEventDestroy(other);
        (void)cudaStreamDestroy(side);
        (void)cudaStreamDestroy(main);
        (void)cudaGetLastError();
    }
    bench(const bench &) = delete;
    bench &operator=(const bench &) = delete;

    void tie(cudaStream_t before, cudaStream_t after) const
    {
        (void)cudaEventRecord(event, before);
        (void)cudaStreamWaitEvent(after, event, cudaEventWaitDefault);
    }
    void fetch(float *host, const float *from) const
    {
        (void)cudaMemcpyAsync(host, from, N * sizeof(float), cudaMemcpyDeviceToHost, main);
        (void)cudaStreamSynchronize(main);
    }
};

/* Does run(bench, float out[N]) give the same in all schedules? */
template <class Run> bool same(Run run)
{
    float first[N], out[N];
    bool equal = true;
    for (int k = 0; k < 2 + TRIES; k++) {
        scp_emu_set_schedule(k < 2 ? (scp_emu_schedule)k : SCP_EMU_RANDOM);
        const bench b;
        run(b, k ? out : first);
        equal = equal && (!k || !std::memcmp(first, out, sizeof out));
    }
    scp_emu_set_schedule(SCP_EMU_LATE);
    return equal;
}

template <bool EVENT> void hand_over(const bench &b, float *out)
{
    start(b.main, affine_k, b.x[1], b.x[0], 2.0f);
    if (EVENT) b.tie(b.main, b.side);
    start(b.side, affine_k, b.x[2], b.x[1], 3.0f);
    b.tie(b.side, b.main);
    b.fetch(out, b.x[2]);
}

/* What is read on one stream is written anew on the other. */
template <bool EVENT> void use_again(const bench &b, float *out)
{
    start(b.main, affine_k, b.x[1], b.x[0], 2.0f);
    b.tie(b.main, b.side);
    start(b.side, affine_k, b.x[2], b.x[1], 3.0f);
    if (EVENT) b.tie(b.side, b.main);
    start(b.main, affine_k, b.x[1], b.x[1], 5.0f);
    (void)cudaStreamSynchronize(b.main);
    (void)cudaStreamSynchronize(b.side);
    b.fetch(out, b.x[2]);
}

template <bool WAIT> void to_host(const bench &b, float *out)
{
    std::memset(b.pinned, 0, N * sizeof(float));
    start(b.main, affine_k, b.x[1], b.x[0], 2.0f);
    (void)cudaMemcpyAsync(b.pinned, b.x[1], N * sizeof(float), cudaMemcpyDeviceToHost, b.main);
    if (WAIT) (void)cudaStreamSynchronize(b.main);
    std::memcpy(out, b.pinned, N * sizeof(float));
}

/* Pinned memory is filled for the next copy. */
template <bool WAIT> void from_host(const bench &b, float *out)
{
    for (int i = 0; i < N; i++) b.pinned[i] = 1;
    (void)cudaMemcpyAsync(b.x[0], b.pinned, N * sizeof(float), cudaMemcpyHostToDevice, b.main);
    if (WAIT) (void)cudaStreamSynchronize(b.main);
    for (int i = 0; i < N; i++) b.pinned[i] = 2;
    b.fetch(out, b.x[0]);
}

/* The legacy stream does not wait for those of the project. */
template <bool WAIT> void by_legacy(const bench &b, float *out)
{
    start(b.main, affine_k, b.x[1], b.x[0], 2.0f);
    if (WAIT) (void)cudaStreamSynchronize(b.main);
    (void)cudaMemcpy(out, b.x[1], N * sizeof(float), cudaMemcpyDeviceToHost);
}

void test_order()
{
    tap_ok(same(hand_over<true>), "an event hands memory from stream to stream");
    tap_ok(!same(hand_over<false>), "without it the reader is found to overtake the writer");
    tap_ok(same(use_again<true>), "memory is written anew behind its reader");
    tap_ok(!same(use_again<false>), "or, without the event, before it");
    tap_ok(same(to_host<true>), "the host waits for what it reads");
    tap_ok(!same(to_host<false>), "a host that does not is found");
    tap_ok(same(from_host<true>), "the host waits before it writes a buffer again");
    tap_ok(!same(from_host<false>), "or the copy takes what is not meant for it");
    tap_ok(same(by_legacy<true>), "a copy by the legacy stream, after a wait");
    tap_ok(!same(by_legacy<false>), "which does not wait itself");
}

/* Capture f on main and end it; what f says, and whether a graph came of it. */
template <class F> cudaError_t captured(const bench &b, cudaError_t *ended, F f)
{
    cudaGraph_t g = nullptr;
    (void)cudaStreamBeginCapture(b.main, cudaStreamCaptureModeThreadLocal);
    start(b.main, affine_k, b.x[1], b.x[0], 2.0f);
    const cudaError_t e = f();
    *ended = cudaStreamEndCapture(b.main, &g);
    if (g) (void)cudaGraphDestroy(g);
    (void)cudaGetLastError();
    return e;
}

template <class F> void forbidden(const bench &b, const char *what, cudaError_t want, F f)
{
    cudaError_t ended;
    const cudaError_t e = captured(b, &ended, f);
    tap_ok(e == want && ended == cudaErrorStreamCaptureInvalidated, "%s spoils a capture (%s; %s)",
           what, cudaGetErrorString(e), cudaGetErrorString(ended));
}

void test_isolation()
{
    const bench b;
    const cudaError_t no = cudaErrorStreamCaptureUnsupported;
    cudaError_t ended;
    float pageable[N] = {};
    void *p = nullptr, *taken = nullptr, *held = nullptr;
    (void)cudaMalloc(&taken, 16);
    (void)cudaMallocHost(&held, 16);
    (void)cudaEventRecord(b.other, b.side);
    (void)cudaDeviceSynchronize();
    tap_ok(captured(b, &ended, []() { return cudaSuccess; }) == cudaSuccess && ended == cudaSuccess,
           "a capture of kernels alone is good");
    forbidden(b, "taking memory", no, [&]() { return cudaMalloc(&p, 16); });
    forbidden(b, "freeing memory", no, [&]() { return cudaFree(taken); });
    forbidden(b, "taking pinned memory", no, [&]() { return cudaMallocHost(&p, 16); });
    forbidden(b, "freeing pinned memory", no, [&]() { return cudaFreeHost(held); });
    forbidden(b, "waiting for the stream", no, [&]() { return cudaStreamSynchronize(b.main); });
    forbidden(b, "waiting for another stream", no, [&]() { return cudaStreamSynchronize(b.side); });
    forbidden(b, "waiting for the device", no, []() { return cudaDeviceSynchronize(); });
    forbidden(b, "asking for an event", no, [&]() { return cudaEventQuery(b.other); });
    forbidden(b, "asking for an event of the capture", cudaErrorCapturedEvent, [&]() {
        (void)cudaEventRecord(b.event, b.main);
        return cudaEventQuery(b.event);
    });
    forbidden(b, "a copy to memory that is not pinned", no, [&]() {
        return cudaMemcpyAsync(pageable, b.x[0], sizeof pageable, cudaMemcpyDeviceToHost, b.main);
    });
    forbidden(b, "a copy from memory that is not pinned", no, [&]() {
        return cudaMemcpyAsync(b.x[0], pageable, sizeof pageable, cudaMemcpyHostToDevice, b.main);
    });
    forbidden(b, "a copy that waits", no, [&]() {
        return cudaMemcpy(b.x[1], b.x[0], sizeof pageable, cudaMemcpyDeviceToDevice);
    });
    forbidden(b, "the legacy stream", cudaErrorStreamCaptureImplicit,
              [&]() { return cudaMemsetAsync(b.x[0], 0, 4, nullptr); });
    forbidden(b, "waiting for an event from outside", cudaErrorStreamCaptureIsolation,
              [&]() { return cudaStreamWaitEvent(b.main, b.other, cudaEventWaitDefault); });
    (void)cudaFree(taken);
    (void)cudaFreeHost(held);
}

/* A second stream, which must come back. */
/* Calls beside each other that change the same memory are found at the end of a capture, those with
 * memory of their own are not. */
void test_collisions()
{
    const bench b;
    for (int same = 0; same < 2; same++) {
        cudaError_t ended;
        const long before = scp_emu_complaints();
        (void)captured(b, &ended, [&]() {
            b.tie(b.main, b.side);
            start(b.side, affine_k, b.x[2], b.x[1], 2.0f);
            start(b.main, affine_k, b.x[same ? 2 : 3], b.x[1], 3.0f);
            b.tie(b.side, b.main);
            start(b.main, affine_k, b.x[2], b.x[1], 4.0f);
            return cudaSuccess;
        });
        tap_ok(ended == (same ? cudaErrorStreamCaptureIsolation : cudaSuccess) &&
                   scp_emu_complaints() == before + same,
               same ? "two branches that write the same memory are refused"
                    : "branches with memory of their own, joined before the next call, are not");
    }
}

void test_joins()
{
    const bench b;
    cudaError_t ended;
    (void)captured(b, &ended, [&]() {
        b.tie(b.main, b.side);
        start(b.side, affine_k, b.x[2], b.x[1], 2.0f);
        b.tie(b.side, b.main);
        return cudaSuccess;
    });
    tap_ok(ended == cudaSuccess, "a stream that joins a capture by an event, and is joined");
    (void)captured(b, &ended, [&]() {
        b.tie(b.main, b.side);
        start(b.side, affine_k, b.x[2], b.x[1], 2.0f);
        return cudaSuccess;
    });
    tap_ok(ended == cudaErrorStreamCaptureUnjoined, "one that is not joined is found");
    float zero[N] = {}, out[N];
    (void)captured(b, &ended, [&]() {
        start(b.side, affine_k, b.x[3], b.x[0], 2.0f);
        return cudaSuccess;
    });
    (void)cudaDeviceSynchronize();
    b.fetch(out, b.x[3]);
    tap_ok(ended == cudaSuccess && std::memcmp(out, zero, sizeof out),
           "a stream that never joined is not captured: its work runs");
    b.fetch(out, b.x[1]);
    tap_ok(!std::memcmp(out, zero, sizeof out), "what is captured does not");
}

/* As a graph, launched once: main, side beside it, and main again, which takes from both. */
template <bool EVENT> void by_graph(const bench &b, float *out)
{
    cudaGraph_t g = nullptr;
    cudaGraphExec_t x = nullptr;
    (void)cudaStreamBeginCapture(b.main, cudaStreamCaptureModeThreadLocal);
    start(b.main, affine_k, b.x[1], b.x[0], 2.0f);
    b.tie(b.main, b.side);
    start(b.side, affine_k, b.x[2], b.x[1], 3.0f);
    if (EVENT) b.tie(b.side, b.main);
    start(b.main, affine_k, b.x[3], b.x[2], 5.0f);
    b.tie(b.side, b.main);
    (void)cudaStreamEndCapture(b.main, &g);
    (void)cudaGraphInstantiate(&x, g, 0);
    (void)cudaGraphLaunch(x, b.main);
    b.fetch(out, b.x[3]);
    (void)cudaGraphExecDestroy(x);
    (void)cudaGraphDestroy(g);
}

/* Three launches of a graph, the factor changed between them, by value or in device memory: do the
 * results follow it? */
bool follows(bool by_value)
{
    const bench b;
    cudaGraph_t g = nullptr;
    cudaGraphExec_t x = nullptr;
    bool good = true;
    float factor = 7, out[N], want = 0;
    (void)cudaStreamBeginCapture(b.main, cudaStreamCaptureModeThreadLocal);
    if (by_value)
        start(b.main, affine_k, b.x[0], b.x[0], factor);
    else
        start(b.main, affine_by_k, b.x[0], b.x[0], b.x[1]);
    (void)cudaStreamEndCapture(b.main, &g);
    (void)cudaGraphInstantiate(&x, g, 0);
    for (factor = 2; factor < 5; factor++) {
        b.pinned[0] = factor;
        (void)cudaMemcpyAsync(b.x[1], b.pinned, sizeof factor, cudaMemcpyHostToDevice, b.main);
        (void)cudaGraphLaunch(x, b.main);
        want = factor * want + 1;
        b.fetch(out, b.x[0]);
        good = good && out[0] == want && out[N - 1] == want;
    }
    (void)cudaGraphExecDestroy(x);
    (void)cudaGraphDestroy(g);
    return good;
}

void test_graphs()
{
    tap_ok(same(by_graph<true>), "a graph keeps what follows what");
    tap_ok(!same(by_graph<false>), "and no more: a call that lacks its event overtakes");
    tap_ok(follows(false), "a launch reads what stands in device memory by then");
    tap_ok(!follows(true), "a number of the host stays as it was captured, and is found");
}

} // namespace

int main()
{
    scp_emu_loud(false);
    test_order();
    test_isolation();
    test_joins();
    test_graphs();
    tap_ok(scp_emu_complaints() == 0, "nothing else was complained of");
    test_collisions();
    return tap_done();
}
