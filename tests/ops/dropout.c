/* Dropout: ref and cpu drop the same elements, a row's mask depends on its global place alone, the
 * share that is kept is 1 - p, kept elements are scaled, evaluation is the identity, and the
 * backward pass uses the mask of the forward pass. */
#include <math.h>
#include <string.h>

#include "ops/small_run.h"
#include "tap.h"

enum { ROWS = 24, WIDTH = 1501, COUNT = ROWS * WIDTH };

typedef struct dropped {
    double y[COUNT], dx[COUNT];
} dropped;

/* Dropout of ones on `rows` rows from global row row0. */
static void run(const char *device, int64_t rows, int64_t row0, int64_t step, bool train, double p,
                dropped *out)
{
    static double ones[COUNT];
    small_run r;
    for (int i = 0; i < COUNT; i++) ones[i] = 1;
    memset(out, 0, sizeof *out);
    small_begin(&r, device);
    scp_node *x = scp_param(r.g, "x", SCP_SHAPE(rows, WIDTH), (scp_init){ SCP_INIT_CONST, 1 });
    scp_node *y = scp_output(r.g, scp_dropout(r.g, "drop", x, p));
    tap_st(small_plan(&r, small_dot(&r, y, "w"), NULL), "%s: dropout plans", device);
    tap_st(small_feed(&r, "w", ones), "feed");
    r.step.row0 = row0;
    r.step.step = step;
    tap_st(small_forward(&r, train), "forward");
    tap_st(scp_plan_fetch_f64(r.plan, y, out->y), "fetch");
    tap_st(scp_plan_backward(r.plan), "backward");
    tap_st(scp_plan_fetch_grad_f64(r.plan, x, out->dx), "fetch gradient");
    small_end(&r);
}

static double kept(const dropped *d)
{
    double n = 0;
    for (int i = 0; i < COUNT; i++) n += d->y[i] != 0;
    return n / COUNT;
}

static int differing(const double *a, const double *b, int n)
{
    int count = 0;
    for (int i = 0; i < n; i++) count += (a[i] != 0) != (b[i] != 0);
    return count;
}

int main(void)
{
    static const double p = 0.3;
    static dropped ref, cpu, part, other;
    run("ref", ROWS, 40, 3, true, p, &ref);
    run("cpu", ROWS, 40, 3, true, p, &cpu);
    tap_ok(differing(ref.y, cpu.y, COUNT) == 0, "ref and cpu drop the same elements");
    tap_near(kept(&ref), 1 - p, 4 * sqrt(p * (1 - p) / COUNT), "the share that is kept is 1 - p");
    double wrong = 0;
    for (int i = 0; i < COUNT; i++) wrong = fmax(wrong, ref.y[i] ? fabs(ref.y[i] - 1 / 0.7) : 0);
    tap_ok(wrong < 1e-15, "what is kept is divided by 1 - p");
    tap_ok(memcmp(ref.y, ref.dx, sizeof ref.y) == 0 && memcmp(cpu.y, cpu.dx, sizeof cpu.y) == 0,
           "the gradient uses the mask of the value");
    run("cpu", 5, 47, 3, true, p, &part);
    tap_ok(memcmp(part.y, cpu.y + 7 * WIDTH, 5 * WIDTH * sizeof *part.y) == 0,
           "a row's mask depends on its global place, not on the rank's first row");
    run("cpu", ROWS, 40, 4, true, p, &other);
    double share = (double)differing(cpu.y, other.y, COUNT) / COUNT;
    tap_near(share, 2 * p * (1 - p), 0.02, "another step draws another, independent mask");
    tap_near((double)differing(cpu.y, cpu.y + WIDTH, WIDTH) / WIDTH, 2 * p * (1 - p), 0.06,
             "rows have independent masks");
    run("cpu", ROWS, 40, 3, false, p, &other);
    tap_ok(kept(&other) == 1 && other.y[5] == 1 && other.dx[7] == 1, "evaluation is the identity");
    return tap_done();
}
