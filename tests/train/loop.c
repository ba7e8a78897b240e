/* The training loop on a problem small enough to follow by hand: a linear loss <c, w>, whose
 * gradient is c at every step. AdamW then moves each weight by the learning rate against the sign
 * of c, so weights and their moving average have closed forms. Also: steps without update, and
 * which weights count as best, also where a signal stops a run at a validation. */
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/sig.h"
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
    scp_node *c, *offset, *loss;
    scp_train_config cfg;
    int64_t bad_from, bad_to; /* steps whose gradient is not finite */
    const double *score;      /* of each validation                 */
    int validations;
    double infinite;          /* the loss of these steps alone is not finite: this is added */
    int64_t signal_at;        /* step whose feed raises a signal; 0: none */
    bool by_weight;           /* score: how near the weights are to `target` */
    double target, seen[STEPS];
    const char *scoring;      /* how validation samples */
} line;

static scp_status feed(void *ctx, scp_plan *plan, int64_t step, const int32_t *rows, size_t n)
{
    line *l = ctx;
    double c[WIDTH];
    (void)rows;
    (void)n;
    memcpy(c, slope, sizeof c);
    const bool bad = step >= l->bad_from && step < l->bad_to;
    if (bad && !l->infinite) c[1] = INFINITY;
    if (l->signal_at > 0 && step == l->signal_at) {
        kill(getpid(), SIGUSR1);
        for (int i = 0; i < 2000 && !scp_sig_pending(); i++) usleep(1000);
    }
    if (l->offset)
        SCP_TRY(scp_plan_feed_f64(plan, l->offset, bad ? &l->infinite : &(double){ 0 }));
    return scp_plan_feed_f64(plan, l->c, c);
}

static scp_status validate(void *ctx, double *score)
{
    line *l = ctx;
    if (l->by_weight) {
        double *w = &l->seen[l->validations++];
        SCP_TRY(scp_params_read_f64(l->params, SCP_ARENA_W, 0, 1, w));
        *score = -fabs(*w - l->target);
        return SCP_OK;
    }
    *score = l->score[l->validations++];
    return SCP_OK;
}

static scp_status start_on(line *l, const char *device, scp_dtype store)
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
    SCP_TRY(scp_device_open(device, &l->dev));
    SCP_TRY(scp_params_create(l->dev, 1, &l->params));
    SCP_TRY(scp_graph_create(l->params, &l->g));
    l->c = scp_input(l->g, "c", SCP_REAL, SCP_SHAPE(1, WIDTH));
    scp_node *w = scp_param(l->g, "w", SCP_SHAPE(1, WIDTH), (scp_init){ SCP_INIT_CONST, 1 });
    scp_node *sum = scp_matmul_t(l->g, l->c, w);
    if (store == SCP_REAL) { /* one more gradient in fp16 would overflow at the first loss scale */
        l->offset = scp_input(l->g, "offset", SCP_REAL, SCP_SHAPE(1, 1));
        sum = scp_add(l->g, sum, l->offset);
    }
    l->loss = scp_output(l->g, scp_reshape(l->g, sum, (scp_shape){ .n = 0 }));
    return scp_plan_create_as(l->g, l->loss, NULL, store, &l->plan);
}

static scp_status start_as(line *l, scp_dtype store)
{
    return start_on(l, "ref", store);
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
                    .scoring_text = l->scoring,
                    .scoring_default = "guidance:\n  draws: 1\n  later: fp32\n",
                    .n_train = 7,
                    .feed = feed,
                    .validate = l->score || l->by_weight ? validate : NULL,
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

/* The loss alone is not finite: its gradient is that of any other step, and must not be applied. */
static void test_infinite_loss(void)
{
    line l;
    char dir[SCP_PATH_MAX];
    scp_job_result out;
    double w[WIDTH], ema[WIDTH], before[WIDTH];
    for (int k = 0; k < 3; k++) {
        const double loss[] = { INFINITY, -INFINITY, NAN };
        const char *name[] = { "plus", "minus", "nan" };
        if (tap_st(start_on(&l, "cpu", SCP_REAL), "a linear loss")) {
            l.cfg.stop_after = 5;
            tap_st(run(&l, name[k], dir, sizeof dir, &out), "five steps");
            tap_st(weights(&l, before, ema), "weights");
            l.bad_from = 5;
            l.bad_to = 8;
            l.infinite = loss[k];
            l.cfg.stop_after = 3;
            tap_st(run(&l, name[k], dir, sizeof dir, &out), "three whose loss is %g", loss[k]);
            tap_st(weights(&l, w, ema), "weights");
            tap_ok(out.skipped == 3, "a loss of %g with a finite gradient is counted", loss[k]);
            tap_ok(memcmp(w, before, sizeof w) == 0, "and changes nothing");
        }
        stop(&l);
    }
}

/* Lines of an event at a step. */
static int count_lines(const char *dir, const char *event, int step)
{
    char path[SCP_PATH_MAX], part[96], *text = NULL;
    int n = 0;
    snprintf(part, sizeof part, "\"event\": \"%s\", \"stage\": \"train\", \"step\": %d,", event,
             step);
    if (scp_fs_join(path, sizeof path, dir, "metrics.jsonl") == SCP_OK &&
        scp_fs_read_text(path, &text, NULL) == SCP_OK)
        for (const char *at = text; (at = strstr(at, part)); at++) n++;
    free(text);
    return n;
}

static bool same_bytes(const char *dir, const char *other, const char *name)
{
    char path[2][SCP_PATH_MAX], *text[2] = { NULL, NULL };
    size_t n[2] = { 0, 0 };
    const char *in[2] = { dir, other };
    bool same = true;
    for (int i = 0; i < 2; i++)
        same = same &&
               scp_str_format(path[i], SCP_PATH_MAX, "%s/train/%s", in[i], name) == SCP_OK &&
               scp_fs_read_text(path[i], &text[i], &n[i]) == SCP_OK;
    same = same && n[0] == n[1] && memcmp(text[0], text[1], n[0]) == 0;
    free(text[0]);
    free(text[1]);
    return same;
}

/* Validation every 8 steps; the best weights are those of step 16, where a signal stops the run. */
static void test_signal_at_validation(void)
{
    line l;
    char whole[SCP_PATH_MAX], dir[SCP_PATH_MAX];
    scp_job_result out;
    double target = 0;
    for (int k = 0; k < 2; k++) {
        if (tap_st(start_on(&l, "cpu", SCP_REAL), "a linear loss")) {
            l.by_weight = true;
            l.target = target;
            l.cfg.validate_every = 8;
            tap_st(run(&l, k ? "not-stopped" : "probe", whole, sizeof whole, &out), "a run");
            target = l.seen[1];
        }
        stop(&l);
    }
    tap_ok(out.best_step == 16 && out.best == 0, "the best weights are those of step 16");
    for (int k = 0; k < 3; k++) {
        if (tap_st(start_on(&l, "cpu", SCP_REAL), "a linear loss")) {
            l.by_weight = true;
            l.target = target;
            l.cfg.validate_every = 8;
            l.signal_at = k == 0 ? 15 : k == 1 ? 17 : 0;
            tap_st(run(&l, "signalled", dir, sizeof dir, &out), "start %d", k + 1);
            scp_sig_clear();
            tap_ok(k == 2 ? out.stop == SCP_STOP_DONE
                          : out.stop == SCP_STOP_SIGNAL && out.step == 16 + 8 * k,
                   "ends at step %d", (int)out.step);
            if (k == 0) tap_ok(l.validations == 1, "without the validation that is due there");
        }
        stop(&l);
    }
    tap_ok(out.best_step == 16, "the starts that go on make up for it");
    tap_ok(same_bytes(whole, dir, "best.h5") && same_bytes(whole, dir, "ckpt-40.h5"),
           "best.h5 and the last checkpoint are those of the run that was not stopped");
    for (int step = 8; step <= STEPS; step += 8)
        tap_ok(count_lines(dir, "validate", step) == 1, "one score of step %d", step);
}

/* best.h5 is damaged: the checkpoint of its step, or the newest where that is gone. */
static void test_damaged_best(void)
{
    for (int keep = 3; keep >= 1; keep -= 2) {
        line l;
        char dir[SCP_PATH_MAX], path[SCP_PATH_MAX], *text = NULL;
        scp_job_result out;
        scp_ckpt *c = NULL;
        scp_weights_head head = { 0 };
        size_t n = 0;
        if (tap_st(start(&l), "a linear loss")) {
            l.score = (const double[]){ 0.1, 0.5, 0.4, 0.5 };
            l.cfg.validate_every = 10;
            l.cfg.keep = keep;
            tap_st(run(&l, keep == 3 ? "kept" : "gone", dir, sizeof dir, &out), "keep %d", keep);
            tap_st(scp_str_format(path, sizeof path, "%s/train/best.h5", dir), "best.h5");
            tap_st(scp_fs_read_text(path, &text, &n), "its bytes");
            if (n) text[n / 2] ^= 1;
            tap_st(scp_fs_write_text(path, text, n), "one bit of it is flipped");
            if (tap_st(scp_weights_open(dir, "train", &c), "weights are found all the same"))
                tap_st(scp_weights_get_head(c, &head), "their head");
            tap_ok(head.step == (keep == 3 ? 20 : 40), "of step %d", (int)head.step);
        }
        scp_ckpt_close(&c);
        free(text);
        stop(&l);
    }
}

/* A scale of 1, which is none, is no scale to begin fp16 with. */
static void test_precision_changed(void)
{
    line l;
    char dir[SCP_PATH_MAX], at[SCP_PATH_MAX];
    scp_job_result out;
    scp_ckpt *c = NULL;
    double scaler[2] = { -1, 0 };
    for (int k = 0; k < 2; k++) {
        if (tap_st(start_as(&l, k ? SCP_F16 : SCP_REAL), "%s", k ? "fp16" : "fp32")) {
            l.cfg.precision = k ? SCP_FP16 : SCP_FP32;
            l.cfg.stop_after = 10;
            if (k)
                tap_fails(run(&l, "changed", dir, sizeof dir, &out), SCP_EDATA,
                          "train.precision was fp32, is now fp16", "another precision is refused");
            l.cfg.accept_changes = k == 1;
            tap_st(run(&l, "changed", dir, sizeof dir, &out), "ten steps");
            tap_st(scp_str_format(at, sizeof at, "%s/train/ckpt-%d.h5", dir, 10 * (k + 1)), "name");
            if (tap_st(scp_ckpt_open(at, &c), "the checkpoint"))
                tap_st(scp_ckpt_get_f64(c, "scaler", scaler, 2), "its loss scale");
            tap_near(scaler[0], k ? 65536 : 0, 0, k ? "is that of a fresh start" : "is none");
            scp_ckpt_close(&c);
        }
        stop(&l);
    }
}

/* A checkpoint of before a setting came goes on with the setting's default, and with no other. */
static void test_setting_came_later(void)
{
    static const char *const before = "guidance:\n  draws: 2\n",
                            *const by_default = "guidance:\n  draws: 2\n  later: fp32\n",
                            *const set = "guidance:\n  draws: 2\n  later: fp16\n",
                            *const changed = "guidance:\n  draws: 1\n  later: fp32\n";
    line l;
    char dir[SCP_PATH_MAX];
    scp_job_result out;
    if (tap_st(start(&l), "a linear loss")) {
        l.cfg.stop_after = 10;
        l.scoring = before;
        tap_st(run(&l, "later", dir, sizeof dir, &out), "ten steps");
        l.scoring = set;
        tap_fails(run(&l, "later", dir, sizeof dir, &out), SCP_EDATA,
                  "guidance.later was fp32, is now fp16; set it back", "a new setting that is set");
        l.scoring = changed;
        tap_fails(run(&l, "later", dir, sizeof dir, &out), SCP_EDATA,
                  "guidance.draws was 2, is now 1; set it back", "an old one that is by default");
        l.scoring = by_default;
        tap_st(run(&l, "later", dir, sizeof dir, &out), "a new setting by default");
        tap_ok(out.resumed_from == 10 && out.step == 20, "goes on");
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
    if (!tap_st(scp_sig_install(), "signals")) return tap_done();
    test_rate();
    test_weights();
    test_skipped();
    test_scaler();
    test_precision_changed();
    test_setting_came_later();
    test_infinite_loss();
    test_signal_at_validation();
    test_damaged_best();
    test_skipped_over_restart();
    check_best("rising", (const double[]){ -3, 0.1, 0.2, 0.3 }, 40, 0.3);
    check_best("falling", (const double[]){ 0.1, 0.5, 0.4, 0.5 }, 20, 0.5);
    check_best("not-a-number", (const double[]){ 0.1, 0.5, NAN, 0.4 }, 20, 0.5);
    check_best("late", (const double[]){ NAN, 0.2, 0.1, NAN }, 20, 0.2);
    return tap_done();
}
