/* Streams, events and graphs of the emulated device, see emu.h.
 *
 * A stream is a list of work, and the schedule says when it runs: a call that another stream, or
 * the host, needs to have run and that nothing makes it wait for has not run in one of the
 * schedules, or has been overtaken. A graph keeps which call follows which, by stream and by event,
 * and no more than that orders its calls when it is launched. */
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <deque>
#include <map>
#include <memory>
#include <set>
#include <vector>

#include "emu/emu.h"
#include "emu/record.h"

namespace
{

struct capture;
using places = std::set<size_t>; /* nodes of a graph after which the next one comes */

struct event_state {
    long recorded = 0, done = 0;
    cudaStream_t where = nullptr;
    const capture *in = nullptr; /* recorded in this capture, behind `after` */
    places after;
};
using event = std::shared_ptr<event_state>;

struct node {
    emu::work run;
    places after;
    std::vector<const void *> writes;
};

} // namespace

struct CUstream_st {
    std::deque<emu::work> queue;
    capture *in = nullptr;
    places tail;
    int priority = 0; /* kept, and of no effect */
};
struct CUevent_st {
    event state;
};
struct CUgraph_st {
    std::vector<node> nodes;
};
struct CUgraphExec_st {
    std::shared_ptr<const CUgraph_st> graph;
};

namespace
{

struct capture {
    CUgraph_st graph;
    cudaStream_t origin;
    unsigned long number;
    bool spoilt = false;
};

CUstream_st legacy;
std::vector<cudaStream_t> streams = { &legacy };
capture *open_capture;
unsigned long captures;
size_t chain;
scp_emu_schedule from_environment()
{
    const char *name = std::getenv("SCP_EMU_SCHEDULE");
    if (!name || !std::strcmp(name, "late")) return SCP_EMU_LATE;
    if (!std::strcmp(name, "eager")) return SCP_EMU_EAGER;
    if (!std::strcmp(name, "random")) return SCP_EMU_RANDOM;
    std::fprintf(stderr, "SCP_EMU_SCHEDULE is late, eager or random, not %s\n", name);
    std::exit(64);
}
scp_emu_schedule schedule = from_environment();
cudaError_t last_error, device_error;
uint64_t dice = 88172645463325252u;

uint64_t roll(uint64_t n)
{
    dice ^= dice << 13, dice ^= dice >> 7, dice ^= dice << 17;
    return dice % n;
}

/* Errors of work come to light when somebody waits. */
void fail(cudaError_t e)
{
    if (e != cudaSuccess && device_error == cudaSuccess) device_error = e;
}

/* Run the first call of a stream, if there is one and it can. */
bool step(cudaStream_t s)
{
    if (s->queue.empty()) return false;
    const emu::work first = s->queue.front(); /* a call may look at its own stream */
    const cudaError_t e = first();
    if (e == cudaErrorNotReady) return false;
    fail(e);
    s->queue.pop_front();
    return true;
}

/* One call of another stream than s: what s waits for may be there. */
bool step_other(cudaStream_t s)
{
    for (size_t i = 0, first = roll(streams.size()); i < streams.size(); i++) {
        cudaStream_t other = streams[(first + i) % streams.size()];
        if (other != s && step(other)) return true;
    }
    return false;
}

/* Until `done`: s as far as it comes, the others only where it is stuck. What waits for other
 * processes is asked again and again. */
template <class F> void run_until(cudaStream_t s, F done)
{
    while (!done())
        if (!step(s) && !step_other(s)) {
            const timespec nap = { 0, 50000 };
            nanosleep(&nap, nullptr);
        }
}

/* After a call was put into a stream. */
void move_on()
{
    if (schedule == SCP_EMU_EAGER)
        for (bool moved = true; moved;) {
            moved = false;
            for (size_t i = streams.size(); i-- > 0;)
                while (step(streams[i])) moved = true;
        }
    if (schedule == SCP_EMU_RANDOM)
        for (uint64_t n = roll(4); n > 0; n--) (void)step(streams[roll(streams.size())]);
}

cudaError_t take_error()
{
    const cudaError_t e = device_error;
    device_error = cudaSuccess;
    return emu::keep(e);
}

cudaStream_t real(cudaStream_t s)
{
    return s ? s : &legacy;
}

cudaError_t spoil(cudaError_t e)
{
    if (open_capture) open_capture->spoilt = true;
    return emu::keep(e);
}

/* One launch of a graph: which nodes have run, and which may. */
struct launch {
    std::shared_ptr<const CUgraph_st> graph;
    std::vector<size_t> missing;             /* calls that each node still waits for */
    std::vector<std::vector<size_t>> before; /* those that wait for it               */
    std::set<size_t> ready;
    size_t left;

    explicit launch(std::shared_ptr<const CUgraph_st> g)
        : graph(std::move(g)), missing(graph->nodes.size()), before(graph->nodes.size()),
          left(graph->nodes.size())
    {
        for (size_t i = 0; i < left; i++) {
            missing[i] = graph->nodes[i].after.size();
            for (size_t b : graph->nodes[i].after) before[b].push_back(i);
            if (!missing[i]) ready.insert(i);
        }
    }
    /* The next node to try: of those that may run the last, the first, or any. */
    size_t choose(const std::set<size_t> &of) const
    {
        if (schedule == SCP_EMU_EAGER) return *of.begin();
        if (schedule == SCP_EMU_LATE) return *of.rbegin();
        return *std::next(of.begin(), (long)roll(of.size()));
    }
    void leave(size_t i)
    {
        ready.erase(i);
        left--;
        for (size_t b : before[i])
            if (--missing[b] == 0) ready.insert(b);
    }
    cudaError_t advance()
    {
        for (std::set<size_t> tries = ready; !tries.empty();) {
            const size_t i = choose(tries);
            const cudaError_t e = graph->nodes[i].run();
            tries.erase(i);
            if (e == cudaErrorNotReady) continue;
            fail(e);
            leave(i);
            tries = ready;
        }
        return left ? cudaErrorNotReady : cudaSuccess;
    }
};

/* Calls that must follow each other, at most. A call comes behind those that it waits for. */
size_t longest(const CUgraph_st &g)
{
    std::vector<size_t> depth(g.nodes.size(), 1);
    size_t most = 0;
    for (size_t i = 0; i < g.nodes.size(); i++) {
        for (size_t b : g.nodes[i].after) depth[i] = std::max(depth[i], depth[b] + 1);
        most = std::max(most, depth[i]);
    }
    return most;
}

/* Do two calls that may run at once change the same memory: scratch, sums, a result? Those that
 * change some memory must each come behind the one before. */
bool collide(const CUgraph_st &g)
{
    const size_t n = g.nodes.size();
    std::vector<std::vector<bool>> behind(n, std::vector<bool>(n));
    std::map<const void *, size_t> last;
    for (size_t i = 0; i < n; i++) {
        for (size_t b : g.nodes[i].after) {
            behind[i][b] = true;
            for (size_t k = 0; k < b; k++)
                if (behind[b][k]) behind[i][k] = true;
        }
        for (const void *at : g.nodes[i].writes) {
            const auto before = last.find(at);
            if (before != last.end() && before->second != i && !behind[i][before->second]) {
                emu::complain("calls %zu and %zu of %zu in a graph change the same memory, and "
                              "nothing orders them",
                              before->second, i, n);
                return true;
            }
            last[at] = i;
        }
    }
    return false;
}

/* Does what is captured end in the stream where it began? */
bool joined(const capture *c)
{
    std::vector<bool> seen(c->graph.nodes.size());
    std::vector<size_t> todo(c->origin->tail.begin(), c->origin->tail.end());
    while (!todo.empty()) {
        const size_t i = todo.back();
        todo.pop_back();
        if (seen[i]) continue;
        seen[i] = true;
        todo.insert(todo.end(), c->graph.nodes[i].after.begin(), c->graph.nodes[i].after.end());
    }
    return std::find(seen.begin(), seen.end(), false) == seen.end();
}

} // namespace

cudaError_t emu::keep(cudaError_t e)
{
    if (e != cudaSuccess) last_error = e;
    return e;
}

cudaError_t emu::unsafe()
{
    return open_capture ? spoil(cudaErrorStreamCaptureUnsupported) : cudaSuccess;
}

cudaError_t emu::enqueue(cudaStream_t stream, work w, std::vector<const void *> writes)
{
    cudaStream_t s = real(stream);
    if (open_capture && s == &legacy) return spoil(cudaErrorStreamCaptureImplicit);
    if (s->in && s->in->spoilt) return keep(cudaErrorStreamCaptureInvalidated);
    if (s->in) {
        s->in->graph.nodes.push_back(node{ std::move(w), s->tail, std::move(writes) });
        s->tail = { s->in->graph.nodes.size() - 1 };
        return cudaSuccess;
    }
    s->queue.push_back(std::move(w));
    move_on();
    return cudaSuccess;
}

unsigned long emu::capture_of(cudaStream_t s)
{
    return real(s)->in ? real(s)->in->number : 0;
}

cudaError_t emu::drain()
{
    for (size_t i = streams.size(); i-- > 0;) {
        cudaStream_t s = streams[i];
        run_until(s, [s]() { return s->queue.empty(); });
    }
    return take_error();
}

extern "C" {

void scp_emu_set_schedule(scp_emu_schedule s)
{
    (void)emu::drain();
    schedule = s;
}

cudaError_t cudaGetLastError(void)
{
    const cudaError_t e = last_error;
    last_error = cudaSuccess;
    return e;
}

cudaError_t cudaStreamCreateWithFlags(cudaStream_t *s, unsigned)
{
    *s = new CUstream_st{};
    streams.push_back(*s);
    return cudaSuccess;
}
cudaError_t cudaDeviceGetStreamPriorityRange(int *least, int *greatest)
{
    *least = 0;
    *greatest = -5;
    return cudaSuccess;
}
cudaError_t cudaStreamCreateWithPriority(cudaStream_t *s, unsigned flags, int priority)
{
    const cudaError_t e = cudaStreamCreateWithFlags(s, flags);
    (*s)->priority = priority;
    return e;
}
cudaError_t cudaStreamGetPriority(cudaStream_t s, int *priority)
{
    *priority = real(s)->priority;
    return cudaSuccess;
}
cudaError_t cudaStreamDestroy(cudaStream_t s)
{
    run_until(s, [s]() { return s->queue.empty(); });
    streams.erase(std::find(streams.begin(), streams.end(), s));
    delete s;
    return cudaSuccess;
}
cudaError_t cudaStreamSynchronize(cudaStream_t stream)
{
    cudaStream_t s = real(stream);
    if (emu::unsafe() != cudaSuccess) return cudaErrorStreamCaptureUnsupported;
    run_until(s, [s]() { return s->queue.empty(); });
    return take_error();
}
cudaError_t cudaDeviceSynchronize(void)
{
    if (emu::unsafe() != cudaSuccess) return cudaErrorStreamCaptureUnsupported;
    return emu::drain();
}

cudaError_t cudaEventCreateWithFlags(cudaEvent_t *e, unsigned)
{
    *e = new CUevent_st{ std::make_shared<event_state>() };
    return cudaSuccess;
}
cudaError_t cudaEventDestroy(cudaEvent_t e)
{
    delete e;
    return cudaSuccess;
}
cudaError_t cudaEventRecord(cudaEvent_t e, cudaStream_t stream)
{
    cudaStream_t s = real(stream);
    event v = e->state;
    v->in = s->in;
    v->after = s->tail;
    if (s->in) return cudaSuccess;
    const long now = ++v->recorded;
    v->where = s;
    return emu::enqueue(s, [v, now]() {
        v->done = now;
        return cudaSuccess;
    });
}
cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t e, unsigned)
{
    cudaStream_t s = real(stream);
    event v = e->state;
    const long want = v->recorded;
    if (v->in) {
        if (v->in != open_capture || s == &legacy) return spoil(cudaErrorStreamCaptureIsolation);
        if (!s->in) s->tail.clear();
        s->in = open_capture;
        s->tail.insert(v->after.begin(), v->after.end());
        return cudaSuccess;
    }
    if (!want) return cudaSuccess;
    if (s->in) return spoil(cudaErrorStreamCaptureIsolation);
    return emu::enqueue(s,
                        [v, want]() { return v->done >= want ? cudaSuccess : cudaErrorNotReady; });
}
/* Who asks lets the device get on a little. */
cudaError_t cudaEventQuery(cudaEvent_t e)
{
    enum { STEPS = 64 };
    event v = e->state;
    if (v->in) return spoil(cudaErrorCapturedEvent);
    if (emu::unsafe() != cudaSuccess) return cudaErrorStreamCaptureUnsupported;
    for (int i = 0; i < STEPS && v->done < v->recorded; i++)
        if (!step(v->where) && !step_other(v->where)) break;
    if (v->done < v->recorded) return emu::keep(cudaErrorNotReady);
    return take_error();
}

cudaError_t cudaStreamBeginCapture(cudaStream_t s, enum cudaStreamCaptureMode)
{
    if (!s || open_capture) return emu::keep(cudaErrorStreamCaptureUnsupported);
    open_capture = new capture{};
    open_capture->origin = s;
    open_capture->number = ++captures;
    s->in = open_capture;
    s->tail.clear();
    return cudaSuccess;
}
cudaError_t cudaStreamEndCapture(cudaStream_t s, cudaGraph_t *g)
{
    std::unique_ptr<capture> c(open_capture);
    *g = nullptr;
    if (!c || s != c->origin) {
        (void)c.release();
        return spoil(cudaErrorStreamCaptureUnmatched);
    }
    const bool whole = joined(c.get());
    open_capture = nullptr;
    for (cudaStream_t each : streams) each->in = nullptr;
    if (c->spoilt) return emu::keep(cudaErrorStreamCaptureInvalidated);
    if (!whole) return emu::keep(cudaErrorStreamCaptureUnjoined);
    if (collide(c->graph)) return emu::keep(cudaErrorStreamCaptureIsolation);
    *g = new CUgraph_st{ std::move(c->graph) };
    chain = longest(**g);
    return cudaSuccess;
}
cudaError_t cudaStreamIsCapturing(cudaStream_t s, enum cudaStreamCaptureStatus *status)
{
    *status = !real(s)->in          ? cudaStreamCaptureStatusNone
              : real(s)->in->spoilt ? cudaStreamCaptureStatusInvalidated
                                    : cudaStreamCaptureStatusActive;
    return cudaSuccess;
}
size_t scp_emu_longest_chain(void)
{
    return chain;
}
cudaError_t cudaGraphGetNodes(cudaGraph_t g, cudaGraphNode_t *, size_t *n)
{
    *n = g->nodes.size();
    return cudaSuccess;
}
cudaError_t cudaGraphInstantiate(cudaGraphExec_t *x, cudaGraph_t g, unsigned long long)
{
    if (emu::unsafe() != cudaSuccess) return cudaErrorStreamCaptureUnsupported;
    *x = new CUgraphExec_st{ std::make_shared<const CUgraph_st>(*g) };
    return cudaSuccess;
}
cudaError_t cudaGraphUpload(cudaGraphExec_t, cudaStream_t)
{
    return emu::unsafe();
}
cudaError_t cudaGraphLaunch(cudaGraphExec_t x, cudaStream_t s)
{
    auto l = std::make_shared<launch>(x->graph);
    return emu::enqueue(s, [l]() { return l->advance(); });
}
cudaError_t cudaGraphDestroy(cudaGraph_t g)
{
    delete g;
    return cudaSuccess;
}
cudaError_t cudaGraphExecDestroy(cudaGraphExec_t x)
{
    delete x;
    return cudaSuccess;
}

} // extern "C"
