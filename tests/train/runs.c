/* See runs.h. */
#include "train/runs.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/json.h"
#include "base/mem.h"
#include "train/model_job.h"
#include "train/vae_job.h"

static const scp_option_group groups[] = {
    { scp_vae_options, offsetof(runs, m.vae), "vae" },
    { scp_denoiser_options, offsetof(runs, m.model), "model" },
    { scp_diffusion_options, offsetof(runs, m.diffusion), "diffusion" },
    { scp_train_options, offsetof(runs, train), "train" },
    { scp_vae_train_options, offsetof(runs, vae_train), "vae_train" },
    { scp_guidance_options, offsetof(runs, gd), "guidance" },
    { 0 },
};

const char *const runs_short[] = {
    "train.batch=16",    "train.steps=50",        "train.warmup=5",        "train.lr=1e-3",
    "train.log_every=1", "vae_train.batch=16",    "vae_train.steps=50",    "vae_train.warmup=5",
    "vae_train.lr=1e-3", "vae_train.log_every=1", "guidance.ddim_steps=2", NULL
};

scp_status runs_set(runs *r, const char *const *settings)
{
    char key[64];
    for (; settings && *settings; settings++) {
        const char *equals = strchr(*settings, '=');
        SCP_ARG(equals, "setting %s has no value", *settings);
        SCP_TRY(scp_str_format(key, sizeof key, "%.*s", (int)(equals - *settings), *settings));
        SCP_TRY(scp_conf_set(groups, r, key, equals + 1, "test"));
    }
    return SCP_OK;
}

scp_status runs_start(runs *r, const screen_size *size, const char *const *base,
                      const char *const *extra)
{
    *r = (runs){ 0 };
    SCP_TRY(scp_conf_defaults(groups, r));
    SCP_TRY(runs_set(r, runs_short));
    SCP_TRY(runs_set(r, base));
    SCP_TRY(runs_set(r, extra));
    return screen_make(size, &r->data);
}

void runs_stop(runs *r)
{
    scp_conf_fini(groups, r);
    scp_dataset_fini(&r->data);
}

/* One stage with a device and the texts of its checkpoints. */
static scp_status run(const runs *r, scp_comm *comm, const char *device, const char *dir,
                      bool fresh, bool vae, scp_job_result *out)
{
    const scp_option_group vae_only[] = { { scp_vae_options, offsetof(scp_method, vae), "vae" },
                                          { 0 } };
    scp_strbuf method = { 0 };
    scp_train_setup setup = {
        .comm = comm, .data = &r->data, .run_dir = dir, .config_text = "", .fresh = fresh
    };
    scp_status st = SCP_OK;
    SCP_GOTO(done, scp_device_open(device, &setup.dev));
    SCP_GOTO(done, scp_conf_dump(vae ? vae_only : scp_method_groups, &r->m, &method));
    setup.method_text = method.text;
    st = vae ? scp_vae_job_run(&setup, &r->m.vae, &r->vae_train, out)
             : scp_model_job_run(&setup, "train", &r->m, &r->gd, &r->train, out);
done:
    scp_strbuf_fini(&method);
    scp_device_close(&setup.dev);
    return st;
}

scp_status runs_vae(const runs *r, scp_comm *comm, const char *device, const char *dir, bool fresh,
                    scp_job_result *out)
{
    return run(r, comm, device, dir, fresh, true, out);
}

scp_status runs_model(const runs *r, scp_comm *comm, const char *device, const char *dir,
                      bool fresh, scp_job_result *out)
{
    return run(r, comm, device, dir, fresh, false, out);
}

scp_status runs_share_vae(const char *from, const char *dir)
{
    static const char *const shared[] = { "vae", "latents.h5" };
    SCP_TRY(scp_fs_mkdirs(dir));
    for (int i = 0; i < 2; i++) {
        char target[SCP_PATH_MAX], link[SCP_PATH_MAX];
        SCP_TRY(scp_fs_join(target, sizeof target, from, shared[i]));
        SCP_TRY(scp_fs_join(link, sizeof link, dir, shared[i]));
        if (symlink(target, link) != 0) SCP_FAIL(SCP_EIO, "cannot link %s", link);
    }
    return SCP_OK;
}

/* One line of metrics.jsonl; false when it is no step of this stage. A loss that is not finite is
 * null. */
static bool parse_line(const char *line, const char *stage, int64_t *step, double *loss)
{
    scp_json *v = NULL;
    const char *event, *of;
    bool found = scp_json_parse(line, strlen(line), "metrics.jsonl", &v) == SCP_OK &&
                 scp_json_as_text(scp_json_get(v, "event"), "event", &event) == SCP_OK &&
                 scp_json_as_text(scp_json_get(v, "stage"), "stage", &of) == SCP_OK &&
                 strcmp(event, "step") == 0 && strcmp(of, stage) == 0 &&
                 scp_json_as_int(scp_json_get(v, "step"), "step", step) == SCP_OK &&
                 scp_json_as_real(scp_json_get(v, "loss"), "loss", loss) == SCP_OK;
    scp_err_clear();
    scp_json_destroy(&v);
    return found;
}

scp_status runs_curve(const char *dir, const char *stage, int64_t n, double *loss)
{
    char path[SCP_PATH_MAX], *text = NULL, *rest = NULL;
    size_t len;
    int64_t step, seen = 0;
    double value;
    SCP_TRY(scp_fs_join(path, sizeof path, dir, "metrics.jsonl"));
    SCP_TRY(scp_fs_read_text(path, &text, &len));
    for (int64_t i = 0; i < n; i++) loss[i] = NAN;
    for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
        if (parse_line(line, stage, &step, &value) && step >= 1 && step <= n)
            loss[step - 1] = value;
    free(text);
    for (int64_t i = 0; i < n; i++) seen += isfinite(loss[i]);
    if (seen != n)
        SCP_FAIL(SCP_EDATA, "%s: %lld of %lld losses of %s", path, (long long)seen, (long long)n,
                 stage);
    return SCP_OK;
}

double runs_difference(const double *a, const double *b, int64_t n)
{
    double worst = 0;
    for (int64_t i = 0; i < n; i++)
        worst = fmax(worst, isfinite(a[i]) ? fabs(a[i] / b[i] - 1) : INFINITY);
    return worst;
}
