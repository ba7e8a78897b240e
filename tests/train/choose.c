/* Choosing guidance on the validation split: the candidate with the best score is taken, each is
 * recorded, the choice repeats, and nothing is touched where nothing can be chosen. The scores
 * themselves against closed forms. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "base/json.h"
#include "base/mem.h"
#include "model/toy.h"
#include "tap.h"
#include "train/choose.h"
#include "train/held.h"
#include "train/runs.h"

static const screen_size size = { .lines = 5, .drugs = 9, .genes = 60, .seed = 3 };
static const char *const v_shift[] = { "diffusion.parameterization=v", "diffusion.target=shift",
                                       "guidance.readout=mean", NULL };

static scp_comm *self;
static runs r;
static char dir[SCP_PATH_MAX];

/* Predictions with a known score: the truth, no change, or x_pre minus the change. */
typedef enum { TRUTH, NO_CHANGE, OPPOSITE } made;

static scp_status make(void *ctx, const int32_t *pair, size_t n, float *x)
{
    const made *what = ctx;
    for (size_t i = 0; i < n; i++)
        for (size_t g = 0; g < r.data.G; g++) {
            float post = r.data.x[(size_t)r.data.post[pair[i]] * r.data.G + g],
                  pre = r.data.x[(size_t)r.data.pre[pair[i]] * r.data.G + g];
            x[i * r.data.G + g] = *what == TRUTH ? post : *what == NO_CHANGE ? pre : 2 * pre - post;
        }
    return SCP_OK;
}

static void test_scores(void)
{
    static const struct {
        made what;
        double skill, pearson;
    } row[] = { { TRUTH, 1, 1 }, { NO_CHANGE, 0, 0 }, { OPPOSITE, -3, -1 } };
    scp_held h;
    if (!tap_st(scp_held_init(&h, &r.data), "validation pairs")) return;
    for (size_t i = 0; i < 3; i++) {
        made what = row[i].what;
        scp_held_scores v;
        if (!tap_st(scp_held_measure(&h, self, &r.data, make, &what, &v), "a score")) continue;
        tap_near(v.skill, row[i].skill, 1e-4, "skill %g", row[i].skill);
        tap_near(v.pearson, row[i].pearson, 1e-4, "correlation %g", row[i].pearson);
    }
    scp_held_fini(&h);
}

static scp_status choose(const scp_choose_config *cfg, scp_guidance *gd)
{
    scp_train_setup setup = { .comm = self, .data = &r.data, .run_dir = dir, .config_text = "" };
    SCP_TRY(scp_device_open("cpu", &setup.dev));
    scp_status st = scp_choose_run(&setup, "train", cfg, gd);
    scp_device_close(&setup.dev);
    return st;
}

/* The candidates of metrics.jsonl since line `from`: their number, and the first of the best. */
typedef struct candidate {
    double s_p, s_0, doubt, residual, score;
    bool mean;
} candidate;

static bool parse(const char *line, const char *figure, candidate *c)
{
    scp_json *v = NULL;
    const char *event = "", *readout = "";
    bool found = scp_json_parse(line, strlen(line), "metrics.jsonl", &v) == SCP_OK &&
                 scp_json_as_text(scp_json_get(v, "event"), "event", &event) == SCP_OK &&
                 strcmp(event, "choose") == 0 &&
                 scp_json_as_real(scp_json_get(v, "s_p"), "s_p", &c->s_p) == SCP_OK &&
                 scp_json_as_real(scp_json_get(v, "s_0"), "s_0", &c->s_0) == SCP_OK &&
                 scp_json_as_real(scp_json_get(v, "doubt"), "doubt", &c->doubt) == SCP_OK &&
                 scp_json_as_real(scp_json_get(v, "residual"), "residual", &c->residual) ==
                     SCP_OK &&
                 scp_json_as_real(scp_json_get(v, figure), figure, &c->score) == SCP_OK &&
                 scp_json_as_text(scp_json_get(v, "readout"), "readout", &readout) == SCP_OK;
    c->mean = found && strcmp(readout, "mean") == 0;
    scp_err_clear();
    scp_json_destroy(&v);
    return found;
}

static size_t read_best(const char *figure, size_t skip, size_t most, candidate *best)
{
    char path[SCP_PATH_MAX], *text = NULL, *rest = NULL;
    size_t len, n = 0;
    if (scp_fs_join(path, sizeof path, dir, "metrics.jsonl") != SCP_OK ||
        scp_fs_read_text(path, &text, &len) != SCP_OK)
        return 0;
    for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
        candidate c;
        if (!parse(line, figure, &c) || n == skip + most || n++ < skip) continue;
        if (n == skip + 1 || c.score > best->score) *best = c;
    }
    free(text);
    return n - skip;
}

static bool same(const scp_guidance *a, const scp_guidance *b)
{
    return a->s_p == b->s_p && a->s_0 == b->s_0 && a->readout == b->readout &&
           a->doubt == b->doubt &&
           a->decode == b->decode && a->residual == b->residual;
}

static void test_choice(int by, size_t skip)
{
    double s_p[] = { 0, 0.5, 2 }, s_0[] = { 0, 1 };
    double doubt[] = { 0, 0.3, 0.6 }, share[] = { 0, 0.5, 1 };
    const scp_choose_config cfg = { { s_p, 3 }, { s_0, 2 }, { doubt, 3 }, { share, 3 }, true, by };
    const char *figure = by == SCP_CHOOSE_SKILL ? "skill" : "delta_pearson";
    scp_guidance gd = r.gd, again = r.gd;
    candidate best = { 0 }, last = { 0 };
    if (!tap_st(choose(&cfg, &gd), "a choice by %s", figure)) return;
    tap_ok(read_best(figure, skip, 9, &best) == 9 && read_best("skill", skip + 9, 3, &last) == 3,
           "3 x 2 strengths, the other readout, two other decodings, three doubts: 12 lines");
    tap_ok(gd.s_p == best.s_p && gd.s_0 == best.s_0 &&
               (gd.readout == SCP_READOUT_MEAN) == best.mean &&
               (gd.decode == SCP_DECODE_RESIDUAL ? gd.residual : 0) == best.residual,
           "%s: the best of them is taken (s_p %g, s_0 %g, residual %g)", figure, gd.s_p, gd.s_0,
           best.residual);
    tap_ok(gd.doubt == last.doubt && last.s_p == gd.s_p, "then the best doubt, by skill (%g)",
           gd.doubt);
    tap_st(choose(&cfg, &again), "once more");
    tap_ok(same(&gd, &again), "%s: the same choice", figure);
}

static void test_wanted(void)
{
    double s[] = { 1 };
    const scp_choose_config none = { 0 }, some = { .s_0 = { s, 1 } };
    scp_method regression = r.m;
    regression.diffusion.objective = SCP_OBJECTIVE_REGRESSION;
    tap_ok(!scp_choose_wanted(&none, &r.m) && scp_choose_wanted(&some, &r.m) &&
               !scp_choose_wanted(&some, &regression),
           "a grid wants a choice, none does not, regression has no guidance");
    scp_guidance gd = r.gd, alone = scp_choose_before(&gd);
    scp_pass pass[SCP_PASS_MAX];
    tap_ok(scp_guidance_passes(&alone, 1, pass) == 1 && pass[0].mask == 0 && pass[0].weight == 1,
           "while training: the conditional network alone");
}

/* Without validation pairs the settings stay. */
static void test_no_pairs(void)
{
    double s[] = { 2 };
    const scp_choose_config cfg = { .s_p = { s, 1 } };
    scp_guidance gd = r.gd;
    for (size_t i = 0; i < r.data.N; i++) r.data.split[i] = SCP_SPLIT_TRAIN;
    tap_st(choose(&cfg, &gd), "no validation pairs");
    tap_ok(same(&gd, &r.gd), "nothing is chosen");
}

int main(void)
{
    scp_job_result out;
    if (scp_comm_create_self(&self) != SCP_OK) return 1;
    snprintf(dir, sizeof dir, "%s", tap_tmpdir());
    if (tap_st(runs_start(&r, &size, toy_tiny, v_shift), "settings") &&
        tap_st(runs_vae(&r, self, "cpu", dir, false, &out), "an autoencoder") &&
        tap_st(runs_model(&r, self, "cpu", dir, false, &out), "a denoiser")) {
        test_scores();
        test_wanted();
        test_choice(SCP_CHOOSE_PEARSON, 0);
        test_choice(SCP_CHOOSE_SKILL, 24);
        test_no_pairs();
    }
    runs_stop(&r);
    scp_comm_destroy(&self);
    return tap_done();
}
