/* The denoiser's step in bf16 beside the same in fp32, on cpu: the loss and the gradient differ by
 * what values of 8 bits do, and by no more. Bounds: a value is rounded by at most 2^-9 of itself;
 * with independent errors a path of some ten roundings is off by 0.6 %, and no loss here adds up
 * such errors with one sign. */
#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "model/toy.h"
#include "tap.h"

typedef struct result {
    double loss, *g;
    size_t n;
} result;

static scp_status step(scp_dtype store, result *r)
{
    static const screen_size size = { .lines = 4, .drugs = 6, .genes = 120, .seed = 5 };
    toy t = { 0 };
    scp_status st = SCP_OK;
    SCP_GOTO(done, toy_denoiser_as(&t, "cpu", &size, 32, toy_tiny, NULL, store));
    SCP_GOTO(done, toy_shake(&t, 0.1));
    if (store != SCP_REAL) SCP_GOTO(done, scp_params_half_refresh(t.params));
    r->n = scp_params_trainable(t.params);
    SCP_GOTO(done, scp_alloc(r->n, sizeof *r->g, &r->g));
    SCP_GOTO(done, toy_gradient(&t, &r->loss, r->g));
done:
    toy_stop(&t);
    return st;
}

static double dot(const result *a, const result *b)
{
    double sum = 0;
    for (size_t i = 0; i < a->n; i++) sum += a->g[i] * b->g[i];
    return sum;
}

int main(void)
{
    result full = { 0 }, half = { 0 };
    if (tap_st(step(SCP_REAL, &full), "a step in fp32") &&
        tap_st(step(SCP_BF16, &half), "the same in bf16")) {
        const double norm = sqrt(dot(&full, &full)), norm_half = sqrt(dot(&half, &half)),
                     cosine = dot(&full, &half) / (norm * norm_half),
                     off = fabs(half.loss - full.loss) / fabs(full.loss);
        tap_ok(off > 0 && off < 0.005, "losses differ, by %.1e", off);
        tap_ok(fabs(norm_half / norm - 1) < 0.02, "norms of the gradient by %.1e",
               fabs(norm_half / norm - 1));
        tap_ok(cosine > 0.999 && cosine < 1 - 1e-9, "the gradient's direction: cosine %.6f",
               cosine);
    }
    free(full.g);
    free(half.g);
    return tap_done();
}
