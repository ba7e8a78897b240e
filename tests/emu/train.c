/* Training on the emulated device: the stages of a small run with every step but the first replayed
 * from a recording. fp32 follows cpu; fp16 and bf16 follow fp32. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/fs.h"
#include "base/str.h"
#include "emu/emu.h"
#include "model/toy.h"
#include "tap.h"
#include "train/runs.h"

enum { STEPS = 12 };

static const char *const quick[] = { "train.steps=12", "vae_train.steps=12", "train.batch=8",
                                     "vae_train.batch=8", NULL };

/* Curves of both stages on a device, and the kernels that they took. */
static scp_status curves(const char *device, const char *const *precision, const char *name,
                         double *vae, double *model)
{
    const screen_size size = { .lines = 3, .drugs = 5, .genes = 33, .seed = 5 };
    char dir[SCP_PATH_MAX];
    scp_comm *comm = NULL;
    scp_job_result result;
    runs r = { 0 };
    scp_status st = SCP_OK;
    SCP_TRY(scp_str_format(dir, sizeof dir, "%s/%s", tap_tmpdir(), name));
    SCP_GOTO(done, scp_comm_create_self(&comm));
    SCP_GOTO(done, runs_start(&r, &size, toy_tiny, quick));
    SCP_GOTO(done, runs_set(&r, precision));
    SCP_GOTO(done, scp_fs_mkdirs(dir));
    SCP_GOTO(done, runs_vae(&r, comm, device, dir, true, &result));
    SCP_GOTO(done, runs_model(&r, comm, device, dir, true, &result));
    SCP_GOTO(done, runs_curve(dir, "vae", STEPS, vae));
    SCP_GOTO(done, runs_curve(dir, "train", STEPS, model));
done:
    runs_stop(&r);
    scp_comm_destroy(&comm);
    return st;
}

int main(void)
{
    static const char *const fp16[] = { "train.precision=fp16", "vae_train.precision=fp16", NULL };
    static const char *const bf16[] = { "train.precision=bf16", "vae_train.precision=bf16", NULL };
    double cpu[2][STEPS], gpu[2][STEPS], low[2][STEPS];
    if (!tap_st(curves("cpu", NULL, "cpu", cpu[0], cpu[1]), "a run on the cpu") ||
        !tap_st(curves("cuda", NULL, "cuda", gpu[0], gpu[1]), "a run on the emulated device"))
        return tap_done();
    tap_ok(scp_emu_launches() > 1000, "it ran kernels: %ld", scp_emu_launches());
    tap_ok(runs_difference(gpu[0], cpu[0], STEPS) < 1e-5, "autoencoder: the losses of cpu");
    tap_diag("largest difference %g", runs_difference(gpu[0], cpu[0], STEPS));
    tap_ok(runs_difference(gpu[1], cpu[1], STEPS) < 1e-4, "denoiser: the losses of cpu");
    tap_diag("largest difference %g", runs_difference(gpu[1], cpu[1], STEPS));
    if (tap_st(curves("cuda", fp16, "fp16", low[0], low[1]), "a run in fp16")) {
        tap_ok(runs_difference(low[0], gpu[0], STEPS) < 0.01, "autoencoder: fp16 follows fp32");
        tap_ok(runs_difference(low[1], gpu[1], STEPS) < 0.01, "denoiser: fp16 follows fp32");
        tap_diag("largest differences %g and %g", runs_difference(low[0], gpu[0], STEPS),
                 runs_difference(low[1], gpu[1], STEPS));
    }
    if (tap_st(curves("cuda", bf16, "bf16", low[0], low[1]), "a run in bf16")) {
        tap_ok(runs_difference(low[0], gpu[0], STEPS) < 0.05, "autoencoder: bf16 follows fp32");
        tap_ok(runs_difference(low[1], gpu[1], STEPS) < 0.05, "denoiser: bf16 follows fp32");
        tap_diag("largest differences %g and %g", runs_difference(low[0], gpu[0], STEPS),
                 runs_difference(low[1], gpu[1], STEPS));
    }
    tap_ok(scp_emu_complaints() == 0, "no launch was refused, nothing was written beside memory");
    return tap_done();
}
