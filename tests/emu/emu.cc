/* Scheduler of the emulated threads, see emu.h. */
#include "emu/emu.h"

#include <sys/mman.h>
#include <ucontext.h>

#include <algorithm>
#include <cstdarg>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "cuda_runtime.h"
#include "emu/record.h"

uint3 threadIdx, blockIdx;
dim3 blockDim, gridDim;

namespace
{

constexpr unsigned MAX_THREADS = 1024, WARP = 32;
constexpr size_t STACK = 128 * 1024, SHARED_MAX = 48 * 1024, GUARD = 1024;
constexpr unsigned char GUARD_BYTE = 0xa5;

enum state_kind { READY, AT_BARRIER, AT_WARP, DONE };

struct strand {
    state_kind state;
    unsigned mask;       /* AT_WARP: lanes that meet */
    unsigned generation; /* warp meetings so far     */
    ucontext_t *start;   /* portable switch          */
    void *sp;            /* x86-64 switch            */
};

strand strands[MAX_THREADS];
strand *running;
char *stacks;
const std::function<void()> *body;
unsigned n_threads;
uint64_t slots[2][MAX_THREADS]; /* what lanes bring, by parity of the meeting */
scp_emu_order order = SCP_EMU_FORWARD;
bool loud = true;
long launches, complaints;
uint64_t shuffle_state = 1;

void strand_main();

#if defined(__x86_64__)
void *main_sp;
extern "C" void scp_emu_switch(void **save, void *to);
asm(R"(.text
.globl scp_emu_switch
.type scp_emu_switch, @function
scp_emu_switch:
    pushq %rbp
    pushq %rbx
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    movq %rsp, (%rdi)
    movq %rsi, %rsp
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbx
    popq %rbp
    ret
)");
void strand_prepare(unsigned i)
{
    void **top = (void **)(stacks + (i + 1) * STACK);
    *--top = nullptr;              /* alignment: a function starts at 16 k + 8 */
    *--top = (void *)&strand_main; /* return address                           */
    for (int r = 0; r < 6; r++) *--top = nullptr;
    strands[i].sp = top;
}
void strand_resume(strand *s)
{
    scp_emu_switch(&main_sp, s->sp);
}
void strand_yield()
{
    scp_emu_switch(&running->sp, main_sp);
}
#else
ucontext_t main_context, contexts[MAX_THREADS];
void strand_prepare(unsigned i)
{
    ucontext_t *c = &contexts[i];
    getcontext(c);
    c->uc_stack.ss_sp = stacks + i * STACK;
    c->uc_stack.ss_size = STACK;
    c->uc_link = nullptr;
    makecontext(c, strand_main, 0);
    strands[i].start = c;
}
void strand_resume(strand *s)
{
    swapcontext(&main_context, s->start);
}
void strand_yield()
{
    swapcontext(running->start, &main_context);
}
#endif

void strand_main()
{
    (*body)();
    running->state = DONE;
    strand_yield();
}

uint64_t next_random()
{
    shuffle_state ^= shuffle_state << 13;
    shuffle_state ^= shuffle_state >> 7;
    return shuffle_state ^= shuffle_state << 17;
}

void arrange(std::vector<unsigned> &list)
{
    size_t n = list.size();
    for (size_t i = 0; i < n; i++) list[i] = (unsigned)(order == SCP_EMU_REVERSE ? n - 1 - i : i);
    if (order != SCP_EMU_SHUFFLED) return;
    for (size_t i = n; i-- > 1;) std::swap(list[i], list[next_random() % (i + 1)]);
}

void run(unsigned i)
{
    running = &strands[i];
    threadIdx.x = i % blockDim.x;
    threadIdx.y = i / blockDim.x % blockDim.y;
    threadIdx.z = i / blockDim.x / blockDim.y;
    strand_resume(running);
}

/* Is every lane of a waiting lane's mask at the same meeting? */
bool warp_complete(unsigned i)
{
    unsigned warp = i / WARP * WARP, mask = strands[i].mask;
    for (unsigned l = 0; l < WARP; l++) {
        if (!(mask >> l & 1)) continue;
        if (warp + l >= n_threads || strands[warp + l].state != AT_WARP) return false;
        if (strands[warp + l].mask != mask || strands[warp + l].generation != strands[i].generation)
            return false;
    }
    return mask >> (i - warp) & 1;
}

void warp_release(unsigned i)
{
    unsigned warp = i / WARP * WARP, mask = strands[i].mask;
    for (unsigned l = 0; l < WARP; l++)
        if (mask >> l & 1) strands[warp + l].state = READY;
}

cudaError_t refuse(const char *what)
{
    emu::complain("launch %ld, block (%u, %u, %u): %s", launches, blockIdx.x, blockIdx.y,
                  blockIdx.z, what);
    return cudaErrorLaunchFailure;
}

/* Run thread i if it can. */
bool advance(unsigned i)
{
    if (strands[i].state == AT_WARP && warp_complete(i)) warp_release(i);
    if (strands[i].state != READY) return false;
    run(i);
    return true;
}

/* One pass over the threads, in order: each warp as far as it comes before the next one begins, or,
 * shuffled, every thread once. Returns how many ran. */
unsigned pass(std::vector<unsigned> &list)
{
    unsigned ran = 0;
    arrange(list);
    for (size_t first = 0; first < list.size(); first += WARP) {
        const size_t end = std::min(list.size(), first + WARP);
        for (unsigned before = ran - 1; before != ran;) {
            before = ran;
            for (size_t k = first; k < end; k++) ran += advance(list[k]);
            if (order == SCP_EMU_SHUFFLED) break;
        }
    }
    return ran;
}

cudaError_t run_block(std::vector<unsigned> &list)
{
    for (unsigned i = 0; i < n_threads; i++) {
        strands[i] = strand{};
        strand_prepare(i);
    }
    for (;;) {
        unsigned waiting = 0, done = 0;
        if (pass(list)) continue;
        for (unsigned i = 0; i < n_threads; i++) {
            waiting += strands[i].state == AT_BARRIER;
            done += strands[i].state == DONE;
        }
        if (done == n_threads) return cudaSuccess;
        if (waiting + done < n_threads) return refuse("a shuffle whose mask is not complete");
        if (done) return refuse("threads left while others wait at __syncthreads");
        for (unsigned i = 0; i < n_threads; i++) strands[i].state = READY;
    }
}

} // namespace

alignas(128) unsigned char scp_shared_raw[SHARED_MAX + GUARD];

namespace
{

cudaError_t run_grid(const cudaLaunchConfig_t &cfg)
{
    std::vector<unsigned> threads(n_threads), blocks((size_t)gridDim.x * gridDim.y * gridDim.z);
    arrange(blocks);
    for (unsigned b : blocks) {
        blockIdx.x = b % gridDim.x;
        blockIdx.y = b / gridDim.x % gridDim.y;
        blockIdx.z = b / gridDim.x / gridDim.y;
        std::memset(scp_shared_raw, 0xff, cfg.dynamicSmemBytes);
        std::memset(scp_shared_raw + cfg.dynamicSmemBytes, GUARD_BYTE, GUARD);
        cudaError_t e = run_block(threads);
        if (e != cudaSuccess) return e;
        for (size_t i = 0; i < GUARD; i++)
            if (scp_shared_raw[cfg.dynamicSmemBytes + i] != GUARD_BYTE)
                return refuse("a write behind the shared memory");
    }
    return cudaSuccess;
}

cudaError_t run_kernel(const cudaLaunchConfig_t &cfg, const std::function<void()> &thread)
{
    if (!stacks) {
        void *at = mmap(nullptr, MAX_THREADS * STACK, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (at == MAP_FAILED) return cudaErrorMemoryAllocation;
        stacks = (char *)at;
    }
    body = &thread;
    gridDim = cfg.gridDim;
    blockDim = cfg.blockDim;
    n_threads = blockDim.x * blockDim.y * blockDim.z;
    launches++;
    return emu::dry() ? cudaSuccess : run_grid(cfg);
}

} // namespace

cudaError_t emu::launch(const cudaLaunchConfig_t *cfg, std::function<void()> thread,
                        std::vector<const void *> writes)
{
    size_t threads = (size_t)cfg->blockDim.x * cfg->blockDim.y * cfg->blockDim.z;
    size_t blocks = (size_t)cfg->gridDim.x * cfg->gridDim.y * cfg->gridDim.z;
    if (threads == 0 || threads > MAX_THREADS || blocks == 0 || cfg->gridDim.y > 65535 ||
        cfg->gridDim.z > 65535 || cfg->dynamicSmemBytes > SHARED_MAX)
        return keep(cudaErrorInvalidConfiguration);
    cudaLaunchConfig_t copy = *cfg;
    return enqueue(cfg->stream, [copy, thread]() { return run_kernel(copy, thread); },
                   std::move(writes));
}

bool emu::dry()
{
    static const bool is = std::getenv("SCP_EMU_DRY") != nullptr;
    return is;
}

void emu::complain(const char *fmt, ...)
{
    va_list args;
    complaints++;
    if (!loud) return;
    std::fputs("# emu: ", stderr);
    va_start(args, fmt);
    std::vfprintf(stderr, fmt, args);
    va_end(args);
    std::fputc('\n', stderr);
}

void emu::check_aligned(const void *at, size_t size)
{
    if ((uintptr_t)at % size)
        complain("launch %ld, block (%u, %u, %u): %p is not aligned to the %zu bytes moved there",
                 launches, blockIdx.x, blockIdx.y, blockIdx.z, at, size);
}

void emu::barrier()
{
    running->state = AT_BARRIER;
    strand_yield();
}

unsigned emu::lane()
{
    return (unsigned)(running - strands) % WARP;
}

uint64_t emu::exchange(unsigned mask, uint64_t mine, int from)
{
    strand *self = running;
    unsigned i = (unsigned)(self - strands), meeting = self->generation++;
    slots[meeting & 1][i] = mine;
    self->mask = mask;
    self->state = AT_WARP;
    strand_yield();
    return slots[meeting & 1][i / WARP * WARP + (unsigned)from];
}

void scp_emu_set_order(scp_emu_order o)
{
    order = o;
}
long scp_emu_complaints(void)
{
    return complaints;
}
long scp_emu_launches(void)
{
    return launches;
}
void scp_emu_loud(bool on)
{
    loud = on;
}
