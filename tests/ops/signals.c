/* Stop signals that arrive in the middle of matrix products harm neither the results nor the heap.
 */
#include <signal.h>
#include <stdlib.h>
#include <time.h>

#include "backend/cpu/gemm.h"
#include "base/mem.h"
#include "base/sig.h"
#include "tap.h"

enum { ROUNDS = 12000, SHAPES = 6 };

typedef void (*product)(int64_t, int64_t, int64_t, const float *, const float *, bool, float *);

/* A product of ones, freshly allocated: every element is k. Returns how many are not. */
static size_t wrong_of(product multiply, const int64_t s[3])
{
    size_t m = (size_t)s[0], n = (size_t)s[1], k = (size_t)s[2], wrong = 0;
    float *A = NULL, *B = NULL, *C = NULL;
    if (scp_alloc(m * k, sizeof *A, &A) != SCP_OK || scp_alloc(n * k, sizeof *B, &B) != SCP_OK ||
        scp_alloc(m * n, sizeof *C, &C) != SCP_OK)
        return m * n;
    for (size_t i = 0; i < m * k; i++) A[i] = 1;
    for (size_t i = 0; i < n * k; i++) B[i] = 1;
    multiply(s[0], s[1], s[2], A, B, false, C);
    for (size_t i = 0; i < m * n; i++) wrong += C[i] != (float)s[2];
    free(C);
    free(B);
    free(A);
    return wrong;
}

/* Send SIGUSR1 to this process every 100 us. */
static bool start_timer(timer_t *timer)
{
    struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1 };
    const struct itimerspec every = { .it_interval.tv_nsec = 100000, .it_value.tv_nsec = 100000 };
    return timer_create(CLOCK_MONOTONIC, &event, timer) == 0 &&
           timer_settime(*timer, 0, &every, NULL) == 0;
}

int main(void)
{
    static const product multiply[] = { scp_gemm_nt, scp_gemm_nn, scp_gemm_tn };
    static const int64_t shape[SHAPES][3] = { { 32, 64, 300 },  { 64, 300, 32 }, { 32, 300, 64 },
                                              { 16, 64, 1024 }, { 64, 64, 96 },  { 1024, 64, 8 } };
    timer_t timer;
    size_t wrong = 0;
    tap_st(scp_sig_install(), "install handlers");
    scp_gemm_open();
    tap_ok(start_timer(&timer), "a signal every 100 us");
    for (size_t i = 0; i < ROUNDS; i++) wrong += wrong_of(multiply[i % 3], shape[i / 3 % SHAPES]);
    timer_delete(timer);
    tap_ok(scp_sig_pending() == SIGUSR1, "signals came");
    tap_ok(wrong == 0, "%d products have their values", (int)ROUNDS);
    return tap_done();
}
