/* NCCL between processes of one machine, for tests of what the project does with it: communicators
 * that do not block, reductions in stream order and in captures, and faults on demand. The ranks
 * share memory, which the id names; a reduction goes through it in pieces and ends on a rank when
 * all ranks have brought theirs, so that it hangs where one of them is missing, like the real one.
 * Sums are in the order of ranks: all ranks get the same bits. */
#include "nccl.h"

#include <sys/mman.h>
#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <climits>
#include <cstdio>
#include <cstring>
#include <memory>
#include <mutex>
#include <vector>

#include "emu/nccl_faults.h"
#include "emu/record.h"

namespace
{

constexpr int RANKS = 8;
constexpr size_t PIECE = 4096;

/* What ranks must agree on, of one piece. */
struct request {
    size_t n;
    int type, op;
    bool operator!=(const request &o) const
    {
        return n != o.n || type != o.type || op != o.op;
    }
};
struct room {
    std::atomic<int> here;
    struct {
        std::atomic<long> posted, taken; /* pieces */
        request what;
        alignas(16) char data[PIECE];
    } rank[RANKS];
};

std::atomic<bool> faults[SCP_NCCL_FAULTS];
scp_nccl_calls calls;
std::mutex lock; /* of calls: aborts come from threads */

size_t size_of(ncclDataType_t t)
{
    switch (t) {
    case ncclInt8:
    case ncclUint8:
        return 1;
    case ncclFloat16:
        return 2;
    case ncclInt64:
    case ncclUint64:
    case ncclFloat64:
        return 8;
    default:
        return 4;
    }
}

} // namespace

struct ncclComm {
    room *meeting;
    int rank, size;
    bool connecting, never, finalized;
    int pending;      /* polls until the last call has ended */
    long pieces;      /* of all reductions that ended        */
    const void *busy; /* the reduction that goes on     */
    std::atomic<bool> aborted;
    ncclResult_t error;
    cudaEvent_t last; /* behind the newest reduction, in the capture of this number */
    unsigned long capture;
    ncclComm **cell; /* the caller's: stored into again when a connection ends, also a given up one */
};

namespace
{

template <class T> T fold(T a, T b, int op)
{
    switch (op) {
    case ncclMax:
        return std::max(a, b);
    case ncclMin:
        return std::min(a, b);
    default:
        return (T)(a + b);
    }
}

template <class T> void combine(const ncclComm *c, size_t n, int op, void *to)
{
    T *out = (T *)to;
    for (size_t i = 0; i < n; i++) {
        T x = ((const T *)c->meeting->rank[0].data)[i];
        for (int r = 1; r < c->size; r++) x = fold(x, ((const T *)c->meeting->rank[r].data)[i], op);
        out[i] = op == ncclAvg ? (T)(x / (T)c->size) : x;
    }
}

/* A reduction on its stream. */
struct reduction {
    ncclComm *c;
    const char *from;
    char *to;
    size_t n, at;
    ncclDataType_t type;
    ncclRedOp_t op;
    bool posted, hangs;

    size_t piece() const
    {
        return std::min(n - at, PIECE / size_of(type));
    }
    /* Have all ranks taken, or brought, piece number k? */
    bool all_taken(long k) const
    {
        for (int r = 0; r < c->size; r++)
            if (c->meeting->rank[r].taken < k) return false;
        return true;
    }
    bool all_posted(long k) const
    {
        for (int r = 0; r < c->size; r++)
            if (c->meeting->rank[r].posted < k) return false;
        return true;
    }
    cudaError_t end(cudaError_t e)
    {
        std::lock_guard<std::mutex> hold(lock);
        if (c->busy == this) c->busy = nullptr;
        at = 0; /* a graph runs it again */
        posted = false;
        if (c->aborted || e != cudaSuccess) return e;
        calls.reductions++;
        std::copy_backward(calls.last_counts, calls.last_counts + 7, calls.last_counts + 8);
        calls.last_counts[0] = n;
        return e;
    }
    bool post()
    {
        auto &mine = c->meeting->rank[c->rank];
        if (!all_taken(c->pieces)) return false;
        std::memcpy(mine.data, from + at * size_of(type), piece() * size_of(type));
        mine.what = request{ n, type, op };
        mine.posted = c->pieces + 1;
        return posted = true;
    }
    /* All ranks have brought theirs: do they mean the same? */
    bool agree() const
    {
        for (int r = 0; r < c->size; r++)
            if (c->meeting->rank[r].what != request{ n, type, op }) return false;
        return true;
    }
    void take()
    {
        void *out = to + at * size_of(type);
        switch (type) {
        case ncclFloat32:
            combine<float>(c, piece(), op, out);
            break;
        case ncclFloat64:
            combine<double>(c, piece(), op, out);
            break;
        case ncclInt32:
            combine<int32_t>(c, piece(), op, out);
            break;
        case ncclInt64:
            combine<int64_t>(c, piece(), op, out);
            break;
        default:
            combine<uint8_t>(c, piece(), op, out);
            break;
        }
        at += piece();
        posted = false;
        c->meeting->rank[c->rank].taken = ++c->pieces;
    }
    cudaError_t advance()
    {
        if (c->aborted) return end(cudaSuccess);
        if (hangs || (c->busy && c->busy != this)) return cudaErrorNotReady;
        c->busy = this;
        while (at < n) {
            if (!posted && !post()) return cudaErrorNotReady;
            if (!all_posted(c->pieces + 1)) return cudaErrorNotReady;
            if (!agree()) {
                emu::complain("rank %d of %d: the ranks reduce different things", c->rank, c->size);
                c->error = ncclInvalidUsage;
                return end(cudaErrorLaunchFailure);
            }
            take();
        }
        return end(cudaSuccess);
    }
};

room *open_room(const char *path)
{
    const int fd = open(path, O_RDWR | O_CLOEXEC);
    void *p = fd < 0 ? MAP_FAILED
                     : mmap(nullptr, sizeof(room), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (fd >= 0) close(fd);
    return p == MAP_FAILED ? nullptr : (room *)p;
}

} // namespace

extern "C" {

void scp_emu_nccl_fault(scp_nccl_fault fault, bool on)
{
    faults[fault] = on;
}

scp_nccl_calls scp_emu_nccl_calls(void)
{
    std::lock_guard<std::mutex> hold(lock);
    return calls;
}

const char *ncclGetErrorString(ncclResult_t r)
{
    static const char *const name[] = { "no error",
                                        "unhandled cuda error",
                                        "unhandled system error",
                                        "internal error",
                                        "invalid argument",
                                        "invalid usage",
                                        "remote process exited or there was a network error",
                                        "NCCL operation in progress" };
    return name[r];
}

/* The memory lives while a rank has it. */
ncclResult_t ncclGetUniqueId(ncclUniqueId *id)
{
    if (faults[SCP_NCCL_NO_ID]) return ncclSystemError;
    const int fd = memfd_create("emulated nccl", MFD_CLOEXEC);
    if (fd < 0 || ftruncate(fd, sizeof(room))) return ncclSystemError;
    std::snprintf(id->internal, sizeof id->internal, "/proc/%d/fd/%d", (int)getpid(), fd);
    return ncclSuccess;
}

ncclResult_t ncclCommInitRankConfig(ncclComm_t *comm, int n, ncclUniqueId id, int rank,
                                    ncclConfig_t *config)
{
    if (n > RANKS || rank >= n || config->blocking) return ncclInvalidArgument;
    if (faults[SCP_NCCL_INIT_FAILS]) return ncclSystemError;
    ncclComm *c = new ncclComm{};
    c->meeting = open_room(id.internal);
    if (!c->meeting) {
        delete c;
        return ncclSystemError;
    }
    c->rank = rank;
    c->size = n;
    c->connecting = true;
    c->never = faults[SCP_NCCL_INIT_NEVER];
    c->pending = 2;
    (void)cudaEventCreateWithFlags(&c->last, cudaEventDisableTiming);
    if (!c->never) c->meeting->here++;
    c->cell = comm;
    *comm = c;
    return ncclInProgress;
}

ncclResult_t ncclCommGetAsyncError(ncclComm_t c, ncclResult_t *r)
{
    {
        std::lock_guard<std::mutex> hold(lock);
        calls.polls++;
    }
    if (faults[SCP_NCCL_REMOTE]) c->error = ncclRemoteError;
    if (c->connecting && faults[SCP_NCCL_INIT_LATER]) c->error = ncclSystemError;
    if (c->connecting && !c->never && c->meeting->here >= c->size) c->connecting = false;
    *r = c->error != ncclSuccess                         ? c->error
         : c->connecting || (c->pending && c->pending--) ? ncclInProgress
                                                         : ncclSuccess;
    return ncclSuccess;
}

ncclResult_t ncclCommFinalize(ncclComm_t c)
{
    std::lock_guard<std::mutex> hold(lock);
    calls.finalized++;
    c->finalized = true;
    c->pending = 1;
    return ncclInProgress;
}

ncclResult_t ncclCommDestroy(ncclComm_t c)
{
    std::lock_guard<std::mutex> hold(lock);
    if (!c->finalized || c->pending || c->busy) return ncclInvalidUsage;
    calls.destroyed++;
    munmap(c->meeting, sizeof(room));
    (void)cudaEventDestroy(c->last);
    delete c;
    return ncclSuccess;
}

/* The thread that connects ends late: the caller has long since had its error. */
static void store_late(ncclComm_t c)
{
    const timespec nap = { 0, 50000000 };
    nanosleep(&nap, nullptr);
    *c->cell = c;
}

/* What was enqueued ends. The communicator stays where it is: streams and graphs may hold it. */
ncclResult_t ncclCommAbort(ncclComm_t c)
{
    static std::vector<ncclComm *> ended;
    {
        std::lock_guard<std::mutex> hold(lock);
        calls.aborts++;
    }
    while (faults[SCP_NCCL_ABORT_NEVER]) {
        const timespec nap = { 0, 1000000 };
        nanosleep(&nap, nullptr);
    }
    if (c->connecting) store_late(c);
    std::lock_guard<std::mutex> hold(lock);
    ended.push_back(c);
    c->aborted = true;
    calls.ended_aborts++;
    return ncclSuccess;
}

ncclResult_t ncclAllReduce(const void *from, void *to, size_t n, ncclDataType_t type,
                           ncclRedOp_t op, ncclComm_t c, cudaStream_t stream)
{
    if (faults[SCP_NCCL_REDUCE_FAILS]) return ncclUnhandledCudaError;
    if (c->connecting || c->pending || c->finalized) return ncclInvalidUsage;
    auto r = std::make_shared<reduction>(reduction{ c, (const char *)from, (char *)to, n, 0, type,
                                                    op, false, faults[SCP_NCCL_REDUCE_NEVER] });
    /* the calls of a communicator run in their order, whatever the streams */
    cudaError_t e = cudaSuccess;
    const unsigned long capture = emu::capture_of(stream);
    if (capture == c->capture) e = cudaStreamWaitEvent(stream, c->last, cudaEventWaitDefault);
    if (e == cudaSuccess) e = emu::enqueue(stream, [r]() { return r->advance(); });
    if (e == cudaSuccess) e = cudaEventRecord(c->last, stream);
    if (e != cudaSuccess) return ncclUnhandledCudaError;
    c->capture = capture;
    c->pending = faults[SCP_NCCL_CALL_NEVER] ? INT_MAX : 1;
    return ncclInProgress;
}

} // extern "C"
