/* Stopping and going on: a run that stopped at step 30, or at a signal, and resumed has the
 * checkpoint of step 60 of one that did not stop, byte for byte on the same number of ranks; on
 * another number it goes on with the same curve. What must not change is refused, and so is a
 * gradient that is not finite. */
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/sig.h"
#include "comm/world.h"
#include "model/toy.h"
#include "tap.h"
#include "train/runs.h"

enum { STEPS = 60, HALF = 30 };

typedef scp_status (*stage_run)(const runs *, scp_comm *, const char *, const char *, bool,
                                scp_job_result *);

static scp_comm *world, *self;
static char folder[SCP_PATH_MAX / 2];

static const char *at(const char *name)
{
    static char path[4][SCP_PATH_MAX];
    static int next;
    char *p = path[next++ % 4];
    snprintf(p, SCP_PATH_MAX, "%s/%s", folder, name);
    return p;
}

static bool root(void)
{
    return scp_comm_rank(world) == 0;
}

static bool same_files(const char *a, const char *b)
{
    char *x = NULL, *y = NULL;
    size_t n = 0, m = 0;
    bool same = scp_fs_read_text(a, &x, &n) == SCP_OK && scp_fs_read_text(b, &y, &m) == SCP_OK &&
                n == m && memcmp(x, y, n) == 0;
    scp_err_clear();
    free(x);
    free(y);
    return same;
}

/* A folder of a run, valid until the next call; a denoiser gets the autoencoder of the first test.
 */
static const char *run_folder(const char *stage, const char *name)
{
    static char dir[SCP_PATH_MAX];
    snprintf(dir, sizeof dir, "%s/%s-%s", folder, stage, name);
    scp_status st = SCP_OK;
    if (root())
        st =
            strcmp(stage, "train") == 0 ? runs_share_vae(at("vae-whole"), dir) : scp_fs_mkdirs(dir);
    tap_st(scp_agree(world, st), "%s: folder %s", stage, name);
    return dir;
}

static const char *checkpoint(const char *stage, const char *name, int step)
{
    char path[128];
    snprintf(path, sizeof path, "%s-%s/%s/ckpt-%d.h5", stage, name, stage, step);
    return at(path);
}

/* The checkpoint of step 60 and the curve are those of the run that did not stop. */
static void check_same(const char *stage, const char *name)
{
    double a[STEPS], b[STEPS];
    char whole[64], other[64];
    if (!root()) return;
    tap_ok(same_files(checkpoint(stage, "whole", STEPS), checkpoint(stage, name, STEPS)),
           "%s, %s: the checkpoint of step %d is the same byte for byte", stage, name, STEPS);
    snprintf(whole, sizeof whole, "%s-whole", stage);
    snprintf(other, sizeof other, "%s-%s", stage, name);
    if (tap_st(runs_curve(at(whole), stage, STEPS, a), "%s: curve", stage) &&
        tap_st(runs_curve(at(other), stage, STEPS, b), "%s, %s: curve", stage, name))
        tap_ok(memcmp(a, b, sizeof a) == 0, "%s, %s: and so is every loss", stage, name);
}

static void set_stop(runs *r, int64_t after)
{
    r->train.stop_after = r->vae_train.stop_after = after;
}

static void test_stop(runs *r, const char *stage, stage_run train)
{
    scp_job_result out;
    const char *dir = run_folder(stage, "stopped");
    set_stop(r, HALF);
    tap_st(train(r, world, "cpu", dir, false, &out), "%s: stopped", stage);
    tap_ok(out.stop == SCP_STOP_AFTER && out.step == HALF, "%s: at step %d", stage, HALF);
    if (root())
        tap_ok(scp_fs_exists(checkpoint(stage, "stopped", HALF)), "%s: with a checkpoint", stage);
    set_stop(r, 0);
    tap_st(train(r, world, "cpu", dir, false, &out), "%s: resumed", stage);
    tap_ok(out.resumed_from == HALF && out.step == STEPS && out.stop == SCP_STOP_DONE,
           "%s: to the end", stage);
    check_same(stage, "stopped");
    tap_st(train(r, world, "cpu", dir, false, &out), "%s: once more", stage);
    tap_ok(out.resumed_from == STEPS && out.step == STEPS, "%s: nothing left to do", stage);
}

/* Tell this process to stop, and wait until it has heard. */
static void stop_this_rank(void)
{
    kill(getpid(), SIGUSR1);
    for (int i = 0; i < 2000 && !scp_sig_pending(); i++) usleep(1000);
}

/* One rank is told; all stop at the same step, soon. */
static void test_signal(runs *r, const char *stage, stage_run train)
{
    scp_job_result out;
    const char *dir = run_folder(stage, "signal");
    if (scp_comm_rank(world) == scp_comm_size(world) - 1) stop_this_rank();
    tap_st(train(r, world, "cpu", dir, false, &out), "%s: a signal to one rank", stage);
    scp_sig_clear();
    int64_t step[2] = { out.step, -out.step };
    tap_st(scp_comm_allreduce(world, step, 2, SCP_COMM_I64, SCP_COMM_MAX), "%s: steps of all ranks",
           stage);
    tap_ok(out.stop == SCP_STOP_SIGNAL && step[0] == -step[1] && out.step <= 10,
           "%s: all stopped at step %d", stage, (int)out.step);
    if (root())
        tap_ok(scp_fs_exists(checkpoint(stage, "signal", (int)out.step)), "%s: with a checkpoint",
               stage);
    tap_st(train(r, world, "cpu", dir, false, &out), "%s: resumed after the signal", stage);
    check_same(stage, "signal");
}

/* Stopped on all ranks, gone on with on one. */
static void test_other_ranks(runs *r, const char *stage, stage_run train)
{
    scp_job_result out;
    double a[STEPS], b[STEPS];
    char whole[64];
    const char *dir = run_folder(stage, "fewer");
    set_stop(r, HALF);
    tap_st(train(r, world, "cpu", dir, false, &out), "%s: stopped on %d ranks", stage,
           scp_comm_size(world));
    set_stop(r, 0);
    scp_status st = root() ? train(r, self, "cpu", dir, false, &out) : SCP_OK;
    tap_st(scp_agree(world, st), "%s: resumed on one", stage);
    if (!root()) return;
    snprintf(whole, sizeof whole, "%s-whole", stage);
    if (tap_st(runs_curve(at(whole), stage, STEPS, a), "%s: curve", stage) &&
        tap_st(runs_curve(dir, stage, STEPS, b), "%s: curve over two rank counts", stage)) {
        double difference = runs_difference(a, b, STEPS);
        tap_ok(out.resumed_from == HALF && difference <= 1e-5, "%s: goes on with the same curve",
               stage);
        tap_diag("%s: largest relative difference %.2g", stage, difference);
    }
}

static void refuse(runs *r, const char *set, const char *part)
{
    scp_job_result out;
    scp_status st = runs_model(r, world, "cpu", at("train-stopped"), false, &out);
    tap_fails(st, SCP_EDATA, part, "train: %s is refused on resume", set);
}

static void test_refused(runs *r)
{
    scp_job_result out;
    r->m.model.dropout = 0.2;
    refuse(r, "another dropout", "model.dropout was 0.15, is now 0.2");
    r->m.model.dropout = 0.15;
    r->train.seed++;
    refuse(r, "another seed", "train.seed was 1, is now 2");
    r->train.seed--;
    r->train.batch = 32;
    refuse(r, "another batch", "train.batch was 16, is now 32");
    r->train.batch = 18;
    if (scp_comm_size(world) == 4)
        tap_fails(runs_model(r, world, "cpu", at("train-stopped"), false, &out), SCP_EUSAGE,
                  "multiple of the number of ranks", "train: a batch that 4 ranks cannot share");
    r->train.batch = 16;
    r->data.hash++;
    refuse(r, "another shard", "another shard");
    r->data.hash--;
    r->train.lr *= 2;
    refuse(r, "another rate",
           "train.lr was 0.001, is now 0.002; set it back, go on all the same with "
           "--train.accept_changes");
    r->train.lr /= 2;
    r->train.validate_every = 7;
    r->train.steps += 60;
    refuse(r, "another period of validation", "train.validate_every was 1000, is now 7");
    r->train.validate_every = 1000;
    r->train.precision = SCP_BF16_STORE;
    refuse(r, "another precision", "train.precision was fp32, is now bf16");
    r->train.precision = SCP_FP32;
    r->gd.s_0 += 1;
    refuse(r, "another guidance of validation", "guidance.s_0 was ");
    r->gd.s_0 -= 1;
    r->train.steps -= 60;
    r->train.lr *= 2;
    r->train.accept_changes = true;
    tap_st(runs_model(r, world, "cpu", at("train-stopped"), false, &out),
           "train: another rate is taken when its change is accepted");
    r->train.accept_changes = false;
    r->train.lr /= 2;
    tap_ok(same_files(checkpoint("train", "whole", STEPS), checkpoint("train", "stopped", STEPS)),
           "train: a refusal leaves the checkpoints alone");
}

/* In bf16, too: the halves of the weights, which no checkpoint has, come back with the same bits.
 */
static void test_bf16(runs *r)
{
    scp_job_result out;
    r->train.precision = SCP_BF16_STORE;
    tap_st(runs_model(r, world, "cpu", run_folder("train", "bf16"), false, &out),
           "train: %d steps in bf16", STEPS);
    const char *dir = run_folder("train", "bf16-stopped");
    set_stop(r, HALF);
    tap_st(runs_model(r, world, "cpu", dir, false, &out), "train: in bf16, stopped");
    set_stop(r, 0);
    tap_st(runs_model(r, world, "cpu", dir, false, &out), "train: in bf16, resumed");
    tap_ok(out.resumed_from == HALF && out.step == STEPS, "train: in bf16, to the end");
    r->train.precision = SCP_FP32;
    if (!root()) return;
    tap_ok(same_files(checkpoint("train", "bf16", STEPS),
                      checkpoint("train", "bf16-stopped", STEPS)),
           "train: in bf16 the checkpoint is that of the run that did not stop");
    tap_ok(!same_files(checkpoint("train", "bf16", STEPS), checkpoint("train", "whole", STEPS)),
           "train: and not that of fp32");
}

/* The rate is absurd and so is the decay: weights grow by a factor each step until they overflow.
 */
static void test_not_finite(runs *r)
{
    static const char *const absurd[] = { "train.lr=10",    "train.weight_decay=10", "train.clip=0",
                                          "train.warmup=0", "train.steps=200",       NULL };
    scp_job_result out;
    const char *dir = run_folder("train", "absurd");
    tap_st(runs_set(r, absurd), "train: an absurd learning rate");
    tap_fails(runs_model(r, world, "cpu", dir, false, &out), SCP_EINTERNAL,
              "not finite in 25 steps in a row",
              "train: a gradient that stays not finite ends the run");
    tap_ok(out.skipped == 25, "train: after 25 steps without update");
}

static void test_stage(runs *r, const char *stage, stage_run train)
{
    scp_job_result out;
    const char *dir = run_folder(stage, "whole");
    tap_st(train(r, world, "cpu", dir, false, &out), "%s: %d steps", stage, STEPS);
    tap_ok(out.stop == SCP_STOP_DONE && out.step == STEPS && out.resumed_from == 0 &&
               isfinite(out.best),
           "%s: done, with a validation score", stage);
    test_stop(r, stage, train);
    test_signal(r, stage, train);
    if (scp_comm_size(world) > 1) test_other_ranks(r, stage, train);
}

int main(int argc, char **argv)
{
    static const screen_size size = { .lines = 5, .drugs = 9, .genes = 60, .seed = 3 };
    static const char *const sixty[] = { "train.steps=60", "vae_train.steps=60", NULL };
    runs r;
    if (scp_world_begin(&argc, &argv, &world) != SCP_OK || scp_comm_create_self(&self) != SCP_OK)
        return 1;
    tap_set_silent(!root());
    if (root()) snprintf(folder, sizeof folder, "%s", tap_tmpdir());
    if (scp_comm_bcast(world, folder, sizeof folder, SCP_COMM_U8, 0) != SCP_OK ||
        scp_sig_install() != SCP_OK)
        return 1;
    if (tap_st(runs_start(&r, &size, toy_tiny, sixty), "settings")) {
        test_stage(&r, "vae", runs_vae);
        test_stage(&r, "train", runs_model);
        test_refused(&r);
        test_bf16(&r);
        test_not_finite(&r);
    }
    runs_stop(&r);
    scp_comm_destroy(&self);
    int code = tap_done();
    return scp_world_end(&world) == SCP_OK ? code : 1;
}
