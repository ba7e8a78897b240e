/* The training loop on a problem small enough to follow by hand: a linear loss <c, w>, whose
 * gradient is c at every step. AdamW then moves each weight by the learning rate against the sign
 * of c, so weights and their moving average have closed forms. Also: steps without update, and
 * which weights count as best. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "diffusion/weights.h"
#include "tap.h"
#include "train/loop.h"
#include "train/runs.h"

enum { WIDTH = 4, STEPS = 40 };

static const scp_option_group groups[] = { { scp_train_options, 0, "train" }, { 0 } };
static const double slope[WIDTH] = { 1, -2, 0.5, 30 };

typedef struct line {
    scp_comm *comm;
    scp_device *dev;
    scp_params *params;
    scp_graph *g;
    scp_plan *plan;
    scp_node *c, *loss;
    scp_train_config cfg;
    int64_t bad_from, bad_to; /* steps whose gradient is not finite */
    const double *score;      /* of each validation                 */
    int validations;
} line;

static scp_status feed(void *ctx, scp_plan *plan, int64_t step, const int32_t *rows, size_t n)
{
    line *l = ctx;
    double c[WIDTH];
    (void)rows;
    (void)n;
    memcpy(c, slope, sizeof c);
    if (step >= l->bad_from && step < l->bad_to) c[1] = INFINITY;
    return scp_plan_feed_f64(plan, l->c, c);
}

static scp_status validate(void *ctx, double *score)
{
    line *l = ctx;
    *score = l->score[l->validations++];
    return SCP_OK;
}

static scp_status start_as(line *l, scp_dtype store)
{
    *l = (line){ .bad_from = STEPS };
    SCP_TRY(scp_conf_defaults(groups, &l->cfg));
    l->cfg.steps = STEPS;
    l->cfg.batch = 1;
    l->cfg.lr = 0.01;
    l->cfg.warmup = 10;
    l->cfg.ema = 0.9;
    l->cfg.log_every = 1;
    SCP_TRY(scp_comm_create_self(&l->comm));
    SCP_TRY(scp_device_open("ref", &l->dev));
    SCP_TRY(scp_params_create(l->dev, 1, &l->params));
    SCP_TRY(scp_graph_create(l->params, &l->g));
    l->c = scp_input(l->g, "c", SCP_REAL, SCP_SHAPE(1, WIDTH));
    scp_node *w = scp_param(l->g, "w", SCP_SHAPE(1, WIDTH), (scp_init){ SCP_INIT_CONST, 1 });
    l->loss =
        scp_output(l->g, scp_reshape(l->g, scp_matmul_t(l->g, l->c, w), (scp_shape){ .n = 0 }));
    return scp_plan_create_as(l->g, l->loss, NULL, store, &l->plan);
}

static scp_status start(line *l)
{
    return start_as(l, SCP_REAL);
}

static void stop(line *l)
{
    scp_plan_destroy(&l->plan);
    scp_graph_destroy(&l->g);
    scp_params_destroy(&l->params);
    scp_device_close(&l->dev);
    scp_comm_destroy(&l->comm);
}

static scp_status run(line *l, const char *name, char *dir, size_t size, scp_job_result *out)
{
    scp_job job = { .stage = "train",
                    .comm = l->comm,
                    .params = l->params,
                    .plan = l->plan,
                    .cfg = &l->cfg,
                    .run_dir = dir,
                    .method_text = "",
                    .config_text = "",
                    .n_train = 7,
                    .feed = feed,
                    .validate = l->score ? validate : NULL,
                    .ctx = l,
                    .report = { l->loss },
                    .report_name = { "loss" } };
    SCP_TRY(scp_str_format(dir, size, "%s/%s", tap_tmpdir(), name));
    SCP_TRY(scp_fs_mkdirs(dir));
    return scp_job_run(&job, out);
}

static scp_status weights(const line *l, double *w, double *ema)
{
    SCP_TRY(scp_params_read_f64(l->params, SCP_ARENA_W, 0, WIDTH, w));
    return scp_params_read_f64(l->params, SCP_ARENA_EMA, 0, WIDTH, ema);
}

static void test_rate(void)
{
    scp_train_config c = { .steps = 100, .warmup = 10, .lr = 2 };
    tap_near(scp_train_lr(&c, 0), 0.2, 1e-15, "the rate starts at lr / warmup");
    tap_near(scp_train_lr(&c, 9), 2, 1e-15, "reaches lr at the end of the warm-up");
    tap_near(scp_train_lr(&c, 55), 1, 1e-15, "is half way down between there and the end");
    tap_near(scp_train_lr(&c, 99), 2.0 / 90, 1e-15, "is not zero at the last step");
    c.warmup = 0;
    tap_near(scp_train_lr(&c, 0), 2, 1e-15, "without a warm-up it starts at lr");
    c.warmup = 200;
    tap_near(scp_train_lr(&c, 99), 1, 1e-15, "a warm-up longer than the run is cut by its end");
}

/* The gradient is constant, so m-hat = g, v-hat = g^2 and every step is lr g / (|g| + eps); w is
 * 2-D, so it decays. Clipping changes |g| only. */
static void test_weights(void)
{
    line l;
    char dir[SCP_PATH_MAX];
    scp_job_result out;
    double w[WIDTH], ema[WIDTH], want[WIDTH], mean[WIDTH], error = 0, error_ema = 0, loss[STEPS];
    if (tap_st(start(&l), "a linear loss") &&
        tap_st(run(&l, "weights", dir, sizeof dir, &out), "%d steps", STEPS) &&
        tap_st(weights(&l, w, ema), "weights")) {
        double norm = sqrt(1 + 4 + 0.25 + 900), first = 0;
        for (int k = 0; k < WIDTH; k++) {
            double g = slope[k] * l.cfg.clip / (norm + 1e-6);
            want[k] = mean[k] = 1;
            first += slope[k];
            for (int t = 0; t < STEPS; t++) {
                want[k] -= scp_train_lr(&l.cfg, t) *
                           (g / (fabs(g) + l.cfg.eps) + l.cfg.weight_decay * want[k]);
                mean[k] = 0.9 * mean[k] + 0.1 * want[k];
            }
            error = fmax(error, fabs(w[k] - want[k]));
            error_ema = fmax(error_ema, fabs(ema[k] - mean[k]));
        }
        tap_ok(error < 1e-12, "AdamW with a constant gradient");
        tap_ok(error_ema < 1e-12, "moving average of the weights");
        tap_ok(out.step == STEPS && out.skipped == 0 && isnan(out.best),
               "no validation, no best score");
        if (tap_st(runs_curve(dir, "train", STEPS, loss), "metrics.jsonl has every step"))
            tap_near(loss[0], first, 1e-12, "the first loss is that of the first weights");
    }
    stop(&l);
}

/* {skipped, in a row} of the checkpoint of a step. */
static void check_counters(const char *dir, int step, int64_t skipped, int64_t bad)
{
    char path[SCP_PATH_MAX + 32];
    int64_t counters[2] = { -1, -1 };
    scp_ckpt *c = NULL;
    snprintf(path, sizeof path, "%s/train/ckpt-%d.h5", dir, step);
    if (tap_st(scp_ckpt_open(path, &c), "the checkpoint of step %d", step))
        tap_st(scp_ckpt_get_i64(c, "counters", counters, 2), "its counters");
    tap_ok(counters[0] == skipped && counters[1] == bad, "say %d skipped, %d in a row",
           (int)skipped, (int)bad);
    scp_ckpt_close(&c);
}

static void test_skipped(void)
{
    line l;
    char dir[SCP_PATH_MAX];
    scp_job_result out;
    double w[WIDTH], ema[WIDTH];
    if (tap_st(start(&l), "a linear loss")) {
        l.bad_from = 5;
        l.bad_to = 29;
        tap_st(run(&l, "skipped", dir, sizeof dir, &out),
               "24 gradients in a row that are not finite");
        tap_ok(out.skipped == 24 && out.step == STEPS, "24 steps without update, then it goes on");
        check_counters(dir, STEPS, 24, 0);
        tap_st(weights(&l, w, ema), "weights");
        tap_ok(isfinite(w[0]) && isfinite(w[1]) && isfinite(ema[1]), "weights stay finite");
    }
    stop(&l);
    if (tap_st(start(&l), "a linear loss")) {
        l.bad_from = 5;
        l.bad_to = 30;
        tap_fails(run(&l, "given-up", dir, sizeof dir, &out), SCP_EINTERNAL,
                  "not finite in 25 steps in a row", "25 in a row end the run");
    }
    stop(&l);
}

/* A stop in the middle of bad steps does not give them a fresh start. */
static void test_skipped_over_restart(void)
{
    line l;
    char dir[SCP_PATH_MAX];
    scp_job_result out;
    if (tap_st(start(&l), "a linear loss")) {
        l.bad_from = 5;
        l.bad_to = 30;
        l.cfg.stop_after = 15;
        tap_st(run(&l, "restart", dir, sizeof dir, &out), "stopped after 10 bad steps");
        check_counters(dir, 15, 10, 10);
    }
    stop(&l);
    if (tap_st(start(&l), "a linear loss")) {
        l.bad_from = 5;
        l.bad_to = 30;
        tap_fails(run(&l, "restart", dir, sizeof dir, &out), SCP_EINTERNAL,
                  "up to step 30; the last good checkpoint is that of step 15",
                  "15 more after a restart end the run");
        tap_ok(out.resumed_from == 15 && out.skipped == 15, "which had gone on");
    }
    stop(&l);
}

static void check_best(const char *name, const double *score, int64_t step, double best)
{
    line l;
    char dir[SCP_PATH_MAX];
    scp_job_result out;
    scp_ckpt *c = NULL;
    scp_weights_head head = { 0 };
    if (tap_st(start(&l), "%s", name)) {
        l.score = score;
        l.cfg.validate_every = 10;
        tap_st(run(&l, name, dir, sizeof dir, &out), "%s: run", name);
        tap_ok(l.validations == 4, "%s: four validations", name);
        tap_near(out.best, best, 0, "%s: best score", name);
        tap_ok(out.best_step == step, "%s: of step %d", name, (int)step);
        strncat(dir, "/train/best.h5", sizeof dir - strlen(dir) - 1);
        if (tap_st(scp_ckpt_open(dir, &c), "%s: best.h5", name)) {
            tap_st(scp_weights_get_head(c, &head), "%s: its head", name);
            tap_ok(head.step == step, "%s: has the weights of that step", name);
        }
        scp_ckpt_close(&c);
    }
    stop(&l);
}

/* Two overflows halve the loss scale twice; the checkpoint has it, and a start that goes on begins
 * with it. */
static void test_scaler(void)
{
    line l;
    char dir[SCP_PATH_MAX], at[SCP_PATH_MAX];
    scp_job_result out;
    scp_ckpt *c = NULL;
    double scaler[2] = { 0, 0 };
    if (tap_st(start_as(&l, SCP_F16), "a linear loss in fp16")) {
        l.bad_from = 5;
        l.bad_to = 7;
        l.cfg.stop_after = 20;
        tap_st(run(&l, "scaler", dir, sizeof dir, &out), "20 steps, two of them overflow");
        tap_ok(out.skipped == 2 && out.step == 20, "are skipped");
        tap_st(run(&l, "scaler", dir, sizeof dir, &out), "20 more");
        tap_ok(out.resumed_from == 20 && out.step == STEPS, "from the checkpoint");
        int64_t step;
        scp_status st = scp_str_format(at, sizeof at, "%s/train", dir);
        if (st == SCP_OK) st = scp_ckpt_latest(at, &c, &step);
        if (st == SCP_OK) st = scp_ckpt_get_f64(c, "scaler", scaler, 2);
        tap_st(st, "the last checkpoint has the loss scale");
        tap_near(scaler[0], 65536 / 4, 0, "halved twice, and not reset by the restart");
        tap_near(scaler[1], STEPS - 7, 0, "finite steps are counted over the restart");
        scp_ckpt_close(&c);
    }
    stop(&l);
}

int main(void)
{
    test_rate();
    test_weights();
    test_skipped();
    test_scaler();
    test_skipped_over_restart();
    check_best("rising", (const double[]){ -3, 0.1, 0.2, 0.3 }, 40, 0.3);
    check_best("falling", (const double[]){ 0.1, 0.5, 0.4, 0.5 }, 20, 0.5);
    check_best("not-a-number", (const double[]){ 0.1, 0.5, NAN, 0.4 }, 20, 0.5);
    check_best("late", (const double[]){ NAN, 0.2, 0.1, NAN }, 20, 0.2);
    return tap_done();
}
