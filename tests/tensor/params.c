/* The arenas of the parameter store: where tensors begin, and what is between them. */
#include "tensor/params.h"

#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#include "dev/device.h"
#include "tap.h"
#include "tensor/plan.h"

static const struct {
    const char *name;
    scp_shape shape;
    bool state;
} row[] = { { "slope", { 1, { 1 } }, false },
            { "mean", { 1, { 7 } }, true },
            { "W", { 2, { 3, 11 } }, false },
            { "b", { 1, { 32 } }, false },
            { "var", { 1, { 1 } }, true } };

enum { ROWS = sizeof row / sizeof row[0], TRAINABLE = 32 + 64 + 32, TOTAL = TRAINABLE + 64 };

static void check_arena(scp_params *p, scp_arena a, size_t n, bool wants_values)
{
    double v[TOTAL];
    size_t zeros = 0, others = 0;
    bool aligned = true, gaps = true;
    if (!tap_st(scp_params_read_f64(p, a, 0, n, v), "arena %d", (int)a)) return;
    for (int i = 0; i < ROWS; i++) {
        const scp_param_info *info = scp_params_info(p, (size_t)i);
        const char *at = (char *)scp_params_arena(p, a) + info->offset * sizeof(float);
        if (info->offset >= n) continue;
        aligned = aligned && (uintptr_t)at % 64 == 0 && info->offset % SCP_PARAM_ALIGN == 0;
        for (size_t k = 0; k < info->count; k++) {
            others += v[info->offset + k] == 3;
            v[info->offset + k] = 0;
        }
    }
    for (size_t i = 0; i < n; i++) gaps = gaps && v[i] == 0, zeros += v[i] == 0;
    tap_ok(aligned, "every tensor begins at a multiple of 64 bytes");
    tap_ok(gaps && zeros == n, "between them is zero");
    tap_ok(others == (wants_values ? 1u + 7 + 33 + 32 + 1 : 0u), "in them what they began with");
}

/* Resident bytes of this process; 0 where the system does not say, or freed memory stays. */
static double resident(void)
{
#ifdef __SANITIZE_ADDRESS__
    return 0;
#endif
    FILE *f = fopen("/proc/self/statm", "r");
    double pages = 0;
    if (f && fscanf(f, "%*f %lf", &pages) != 1) pages = 0;
    if (f) fclose(f);
    return pages * (double)sysconf(_SC_PAGESIZE);
}

/* A store of 32 MB of weights: gradients and moments take no memory until somebody writes them. */
static void check_untouched(scp_device *dev)
{
    enum { N = 8 << 20 };
    const double arena = N * sizeof(float), before = resident();
    scp_params *p = NULL;
    size_t index;
    if (tap_st(scp_params_create(dev, 1, &p), "another store") &&
        tap_st(
            scp_params_add(p, "W", &SCP_SHAPE(N), (scp_init){ SCP_INIT_CONST, 3 }, false, &index),
            "of 32 MB") &&
        tap_st(scp_params_finalize(p), "with its arenas")) {
        double grown = resident() - before, last = 1;
        if (before == 0)
            tap_skip("the system or a sanitizer hides it", "resident memory");
        else
            tap_ok(grown >= 2 * arena && grown < 2.75 * arena,
                   "weights, their average and the mask of decay are in memory, no more (%.1f MB)",
                   grown / 1e6);
        tap_ok(scp_params_read_f64(p, SCP_ARENA_V, N - 1, 1, &last) == SCP_OK && last == 0,
               "the others read as zero");
    }
    scp_params_destroy(&p);
}

/* A store that only predicts: the weights alone are in memory, and it cannot be trained. */
static void check_fixed(scp_device *dev)
{
    enum { N = 8 << 20 };
    const double arena = N * sizeof(float), before = resident();
    scp_params *p = NULL;
    scp_graph *g = NULL;
    scp_plan *plan = NULL;
    if (tap_st(scp_params_create_fixed(dev, 1, &p), "a fixed store") &&
        tap_st(scp_graph_create(p, &g), "with a graph")) {
        scp_node *x = scp_input(g, "x", SCP_REAL, SCP_SHAPE(1, N)),
                 *W = scp_param(g, "W", SCP_SHAPE(1, N), (scp_init){ SCP_INIT_CONST, 3 }),
                 *y = scp_mse(g, x, W);
        tap_st(scp_graph_status(g), "a loss");
        tap_fails(scp_plan_create(g, y, NULL, &plan), SCP_EINTERNAL, "fixed weights",
                  "training it");
        double grown = resident() - before;
        if (before == 0)
            tap_skip("the system or a sanitizer hides it", "resident memory");
        else
            tap_ok(grown >= arena && grown < 1.25 * arena,
                   "only the weights are in memory (%.1f MB)", grown / 1e6);
        tap_ok(!scp_params_arena(p, SCP_ARENA_EMA) && !scp_params_decay_mask(p),
               "there is no average and no mask of decay");
    }
    scp_graph_destroy(&g);
    scp_params_destroy(&p);
}

int main(void)
{
    scp_device *dev = NULL;
    scp_params *p = NULL;
    size_t index;
    void *half = NULL;
    if (!tap_st(scp_device_open("cpu", &dev), "device") ||
        !tap_st(scp_params_create(dev, 1, &p), "store"))
        return tap_done();
    for (int i = 0; i < ROWS; i++)
        tap_st(scp_params_add(p, row[i].name, &row[i].shape, (scp_init){ SCP_INIT_CONST, 3 },
                              row[i].state, &index),
               "%s", row[i].name);
    if (tap_st(scp_params_finalize(p), "finalize")) {
        tap_ok(scp_params_trainable(p) == TRAINABLE && scp_params_total(p) == TOTAL,
               "the arenas hold tensors and gaps");
        tap_ok(scp_params_weights(p) == 1 + 33 + 32, "and the count of weights no gaps");
        check_arena(p, SCP_ARENA_W, TOTAL, true);
        check_arena(p, SCP_ARENA_EMA, TOTAL, true);
        check_arena(p, SCP_ARENA_G, TRAINABLE, false);
        const uint8_t *decay = scp_params_decay_mask(p);
        size_t decayed = 0;
        for (size_t i = 0; i < TRAINABLE; i++) decayed += decay[i];
        tap_ok(decayed == 33 && decay[32] && !decay[32 + 33], "only the matrix decays");
        tap_st(scp_params_half(p, SCP_F16, &half), "the weights in half, laid out alike");
    }
    scp_params_destroy(&p);
    check_untouched(dev);
    check_fixed(dev);
    scp_device_close(&dev);
    return tap_done();
}
