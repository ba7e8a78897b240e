/* FOUR_STATE, RAND_TIME and RAND_NORMAL: their distributions, the same draws on every backend and
 * on any split of the batch over ranks, and COMBINE_T with a time that its tables do not have. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/rng.h"
#include "tap.h"
#include "tensor/plan.h"

enum { ROWS = 40000, T = 20, WIDTH = 3 };

/* One plan that draws everything for B rows. */
typedef struct drawn {
    scp_device *dev;
    scp_params *store;
    scp_graph *g;
    scp_plan *plan;
    scp_node *mask, *time, *normal;
} drawn;

static void stop(drawn *d)
{
    scp_plan_destroy(&d->plan);
    scp_graph_destroy(&d->g);
    scp_params_destroy(&d->store);
    scp_device_close(&d->dev);
}

static scp_status start(drawn *d, const char *device, const char *scope, int64_t B, double p_pre,
                        double p_drug)
{
    SCP_TRY(scp_device_open(device, &d->dev));
    SCP_TRY(scp_params_create(d->dev, 1, &d->store));
    SCP_TRY(scp_graph_create(d->store, &d->g));
    scp_scope_push(d->g, "%s", scope);
    d->mask = scp_output(d->g, scp_four_state(d->g, "mask", B, p_pre, p_drug));
    d->time = scp_output(d->g, scp_rand_time(d->g, "t", B, T));
    d->normal = scp_output(d->g, scp_rand_normal(d->g, "eps", SCP_RNG_NOISE, B, WIDTH));
    scp_scope_pop(d->g);
    return scp_plan_create(d->g, NULL, NULL, &d->plan);
}

static scp_status draw(drawn *d, scp_step step, int32_t *mask, int32_t *time, double *normal)
{
    SCP_TRY(scp_plan_forward(d->plan, &step));
    SCP_TRY(scp_plan_fetch_i32(d->plan, d->mask, mask));
    SCP_TRY(scp_plan_fetch_i32(d->plan, d->time, time));
    return scp_plan_fetch_f64(d->plan, d->normal, normal);
}

static int32_t mask[2][ROWS], hour[2][ROWS];
static double normal[2][ROWS * WIDTH];

/* All draws of B rows from row0 on, into buffer `to`. */
static bool draw_rows(int to, const char *device, const char *scope, int64_t B, scp_step step)
{
    drawn d = { 0 };
    bool ok = tap_st(start(&d, device, scope, B, 0.1, 0.3), "%s plans its draws", device) &&
              tap_st(draw(&d, step, mask[to], hour[to], normal[to]), "%s draws", device);
    stop(&d);
    return ok;
}

/* |count - n p| within four standard deviations of a binomial. */
static void check_rate(int64_t count, int64_t n, double p, const char *what)
{
    tap_near((double)count, (double)n * p, 4 * sqrt((double)n * p * (1 - p)), "%s", what);
}

static void test_distributions(void)
{
    int64_t state[4] = { 0 }, times[T] = { 0 };
    double moment[5] = { 0 };
    if (!draw_rows(0, "ref", "a", ROWS, (scp_step){ .seed = 5, .step = 2 })) return;
    for (int i = 0; i < ROWS; i++) state[mask[0][i] & 3]++;
    check_rate(state[0], ROWS, 0.9 * 0.7, "four states: both channels kept");
    check_rate(state[1], ROWS, 0.1 * 0.7, "four states: pre dropped");
    check_rate(state[2], ROWS, 0.9 * 0.3, "four states: drug dropped");
    check_rate(state[3], ROWS, 0.1 * 0.3, "four states: both dropped");
    bool inside = true;
    for (int i = 0; i < ROWS; i++) inside &= hour[0][i] >= 0 && hour[0][i] < T;
    if (!tap_ok(inside, "times are inside [0, T)")) return;
    for (int i = 0; i < ROWS; i++) times[hour[0][i]]++;
    for (int t = 0; t < T; t++)
        check_rate(times[t], ROWS, 1.0 / T, "a time is as frequent as the others");
    for (int i = 0; i < ROWS * WIDTH; i++)
        for (int k = 1; k < 5; k++) moment[k] += pow(normal[0][i], k) / (ROWS * WIDTH);
    double sd = 1 / sqrt((double)ROWS *
                         WIDTH); /* of a mean; the moments' own sd: 1, sqrt 2, sqrt 15, sqrt 96 */
    tap_near(moment[1], 0, 4 * sd, "normals: mean");
    tap_near(moment[2], 1, 4 * sd * sqrt(2), "normals: variance");
    tap_near(moment[3], 0, 4 * sd * sqrt(15), "normals: third moment");
    tap_near(moment[4], 3, 4 * sd * sqrt(96), "normals: fourth moment");
}

static void test_backends_agree(void)
{
    scp_step step = { .seed = 77, .step = INT64_C(1) << 33, .row0 = 1000 };
    if (!draw_rows(0, "ref", "a", ROWS, step) || !draw_rows(1, "cpu", "a", ROWS, step)) return;
    tap_ok(memcmp(mask[0], mask[1], sizeof mask[0]) == 0, "ref and cpu draw the same masks");
    tap_ok(memcmp(hour[0], hour[1], sizeof hour[0]) == 0, "ref and cpu draw the same times");
    bool same = true;
    for (int i = 0; i < ROWS * WIDTH; i++) same &= normal[1][i] == (float)normal[0][i];
    tap_ok(same, "cpu's normals are ref's, rounded once");
}

/* A rank with rows 24..63 of a batch of 64 draws what one process draws for them. */
static void test_ranks_agree(const char *device)
{
    enum { ALL = 64, FIRST = 24 };
    scp_step step = { .seed = 3, .step = 9 }, part = { .seed = 3, .step = 9, .row0 = FIRST };
    if (!draw_rows(0, device, "a", ALL, step) || !draw_rows(1, device, "a", ALL - FIRST, part))
        return;
    tap_ok(memcmp(mask[0] + FIRST, mask[1], (ALL - FIRST) * sizeof **mask) == 0,
           "%s: masks by rank", device);
    tap_ok(memcmp(hour[0] + FIRST, hour[1], (ALL - FIRST) * sizeof **hour) == 0,
           "%s: times by rank", device);
    tap_ok(memcmp(normal[0] + FIRST * WIDTH, normal[1], (ALL - FIRST) * WIDTH * sizeof **normal) ==
               0,
           "%s: normals by rank", device);
}

static void test_streams_differ(void)
{
    scp_step step = { .seed = 3, .step = 9 }, next = { .seed = 3, .step = 10 },
             other = { .seed = 4, .step = 9 };
    struct {
        const char *what, *scope;
        scp_step step;
    } variant[] = {
        { "another step", "a", next },
        { "another seed", "a", other },
        { "another name", "b", step },
    };
    for (size_t i = 0; i < sizeof variant / sizeof variant[0]; i++) {
        if (!draw_rows(0, "cpu", "a", 64, step) ||
            !draw_rows(1, "cpu", variant[i].scope, 64, variant[i].step))
            return;
        int equal = 0;
        for (int k = 0; k < 64 * WIDTH; k++) equal += normal[0][k] == normal[1][k];
        tap_ok(memcmp(mask[0], mask[1], 64 * sizeof **mask) != 0 &&
                   memcmp(hour[0], hour[1], 64 * sizeof **hour) != 0 && equal == 0,
               "%s draws differently", variant[i].what);
    }
}

static void test_certain(const char *device)
{
    drawn d = { 0 };
    if (tap_st(start(&d, device, "a", 500, 0, 1), "%s plans", device) &&
        tap_st(draw(&d, (scp_step){ .seed = 1 }, mask[0], hour[0], normal[0]), "%s draws",
               device)) {
        bool certain = true;
        for (int i = 0; i < 500; i++) certain &= mask[0][i] == 2;
        tap_ok(certain, "%s: probability 0 never drops, probability 1 always does", device);
    }
    stop(&d);
}

static void test_bad_time(const char *device)
{
    static const int32_t bad[2][3] = { { 0, T, 1 }, { 0, 1, -1 } };
    drawn d = { 0 };
    scp_step step = { .seed = 1 };
    if (tap_st(scp_device_open(device, &d.dev), "open %s", device) &&
        tap_st(scp_params_create(d.dev, 1, &d.store), "store") &&
        tap_st(scp_graph_create(d.store, &d.g), "graph")) {
        scp_node *t = scp_input(d.g, "t", SCP_I32, SCP_SHAPE(3)),
                 *table = scp_input(d.g, "c", SCP_REAL, SCP_SHAPE(T));
        scp_node *x = scp_rand_normal(d.g, "x", SCP_RNG_NOISE, 3, 2);
        scp_output(d.g, scp_combine_t(d.g, x, x, t, table, table));
        if (tap_st(scp_plan_create(d.g, NULL, NULL, &d.plan), "plan"))
            for (int i = 0; i < 2; i++) {
                tap_st(scp_plan_feed_i32(d.plan, t, bad[i]), "feed");
                tap_fails(scp_plan_forward(d.plan, &step), SCP_EDATA, i ? "row 2" : "row 1",
                          "%s: time %d of %d is refused", device, bad[i][i + 1], (int)T);
            }
    }
    stop(&d);
}

int main(void)
{
    test_distributions();
    test_backends_agree();
    test_streams_differ();
    static const char *const device[] = { "ref", "cpu" };
    for (int i = 0; i < 2; i++) {
        test_ranks_agree(device[i]);
        test_certain(device[i]);
        test_bad_time(device[i]);
    }
    return tap_done();
}
