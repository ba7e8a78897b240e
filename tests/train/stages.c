/* The autoencoder and the denoiser of one run folder fit together: latents come from the weights
 * that decode them, and a denoiser that was trained on other latents is refused, not used. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "base/mem.h"
#include "diffusion/latents.h"
#include "diffusion/weights.h"
#include "eval/predict.h"
#include "model/toy.h"
#include "tap.h"
#include "train/runs.h"

static const screen_size size = { .lines = 5, .drugs = 9, .genes = 60, .seed = 3 };

static scp_comm *self;
static runs r;
static char dir[SCP_PATH_MAX];

/* Latents of all profiles by the autoencoder that later programs load. */
static scp_status encode(float *mu)
{
    scp_device *dev = NULL;
    scp_params *vae = NULL;
    scp_status st = SCP_OK;
    SCP_GOTO(done, scp_device_open("cpu", &dev));
    SCP_GOTO(done, scp_weights_vae(dev, &r.m.vae, r.data.G, dir, &vae));
    SCP_GOTO(done, scp_latents_encode(self, vae, &r.m.vae, &r.data, mu));
done:
    scp_params_destroy(&vae);
    scp_device_close(&dev);
    return st;
}

/* A rate so high that the best validation score is not the last one. */
static void test_latents(void)
{
    static const char *const wild[] = { "vae_train.lr=1", "vae_train.warmup=50",
                                        "vae_train.validate_every=5", "vae_train.ema=0", NULL };
    scp_job_result out;
    size_t n = r.data.P * (size_t)r.m.vae.latent;
    float *now = NULL, *kept = NULL;
    tap_st(runs_set(&r, wild), "a wild rate");
    if (tap_st(runs_vae(&r, self, "cpu", dir, false, &out), "the autoencoder") &&
        tap_ok(out.best_step > 0 && out.best_step < out.step,
               "its best weights are not its last (%d of %d)", (int)out.best_step, (int)out.step) &&
        tap_st(scp_alloc(n, sizeof *now, &now), "room") &&
        tap_st(encode(now), "latents by the best weights") &&
        tap_st(scp_latents_read(dir, &r.data, r.m.vae.latent, &kept), "latents of the run"))
        tap_ok(memcmp(now, kept, n * sizeof *now) == 0, "are the same bits");
    free(now);
    free(kept);
}

static scp_status open_predictor(void)
{
    scp_device *dev = NULL;
    scp_predict *p = NULL;
    scp_status st = scp_device_open("cpu", &dev);
    if (st == SCP_OK) st = scp_predict_open(dev, &r.data, dir, "train", &r.gd, &p);
    scp_predict_close(&p);
    scp_device_close(&dev);
    return st;
}

static void test_trained_again(void)
{
    scp_job_result out;
    tap_st(runs_model(&r, self, "cpu", dir, false, &out), "a denoiser");
    tap_st(open_predictor(), "predicts");
    r.data.hash++;
    tap_fails(open_predictor(), SCP_EDATA, "shard", "not for another shard");
    r.data.hash--;
    r.vae_train.seed++;
    r.vae_train.stop_after = 10;
    tap_st(runs_vae(&r, self, "cpu", dir, true, &out), "the autoencoder begun again");
    tap_fails(runs_model(&r, self, "cpu", dir, false, &out), SCP_ENOINPUT,
              "train the autoencoder first", "its old latents are gone");
    r.vae_train.stop_after = 0;
    tap_st(runs_vae(&r, self, "cpu", dir, false, &out), "and trained to the end");
    tap_fails(runs_model(&r, self, "cpu", dir, false, &out), SCP_EDATA, "other latents",
              "the denoiser is not resumed");
    tap_fails(open_predictor(), SCP_EDATA, "other latents", "and does not predict");
    tap_st(runs_model(&r, self, "cpu", dir, true, &out), "the denoiser trained again");
    tap_ok(out.resumed_from == 0, "from the start");
    tap_st(open_predictor(), "predicts");
}

/* Starting over leaves nothing of the earlier run to be evaluated by mistake. */
static void test_fresh(void)
{
    scp_job_result out;
    char path[SCP_PATH_MAX + 32];
    r.train.stop_after = 10;
    tap_st(runs_model(&r, self, "cpu", dir, true, &out), "a fresh start that stops at step 10");
    snprintf(path, sizeof path, "%s/train/best.h5", dir);
    tap_ok(!scp_fs_exists(path), "no best.h5 of the run before");
    snprintf(path, sizeof path, "%s/train/ckpt-50.h5", dir);
    tap_ok(!scp_fs_exists(path), "no checkpoint of the run before");
    r.train.stop_after = 0;
    tap_st(runs_model(&r, self, "cpu", dir, false, &out), "the rest");
    tap_ok(out.resumed_from == 10 && out.step == 50, "goes on from step 10");
}

static void test_missing(void)
{
    scp_job_result out;
    char empty[SCP_PATH_MAX + 32];
    snprintf(empty, sizeof empty, "%s/empty", dir);
    tap_st(scp_fs_mkdirs(empty), "an empty run folder");
    tap_fails(runs_model(&r, self, "cpu", empty, false, &out), SCP_ENOINPUT,
              "train the autoencoder first", "no autoencoder: which program to run");
}

int main(void)
{
    if (scp_comm_create_self(&self) != SCP_OK) return 1;
    snprintf(dir, sizeof dir, "%s", tap_tmpdir());
    if (tap_st(runs_start(&r, &size, toy_tiny, NULL), "settings")) {
        test_missing();
        test_latents();
        test_trained_again();
        test_fresh();
    }
    runs_stop(&r);
    scp_comm_destroy(&self);
    return tap_done();
}
