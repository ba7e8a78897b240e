/* Reading and writing the weights of checkpoints, see weights.h. */
#include "diffusion/weights.h"

#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "base/log.h"
#include "base/mem.h"
#include "io/safetensors.h"

static const char *const arena_name[SCP_ARENA_COUNT] = { "w", "g", "m", "v", "ema" };

/* best.h5 is damaged: the checkpoint of its step has the same weights; else the newest good one.
 * Not of an autoencoder, whose latents the denoiser was trained on. */
static scp_status open_instead(const char *dir, const char *stage, scp_ckpt **out)
{
    char path[SCP_PATH_MAX];
    scp_status st = SCP_OK;
    scp_weights_head head;
    scp_ckpt *best = NULL;
    int64_t step;
    SCP_TRY(scp_ckpt_latest(dir, out, &step));
    SCP_GOTO(done, scp_weights_get_head(*out, &head));
    SCP_GOTO(done, scp_ckpt_name(path, sizeof path, dir, head.best_step));
    if (step != head.best_step && scp_ckpt_open(path, &best) == SCP_OK) {
        scp_ckpt_close(out);
        *out = best;
        step = head.best_step;
    }
    scp_err_clear(); /* removed long ago, or damaged too */
    if (step != head.best_step && strcmp(stage, "vae") == 0)
        SCP_FAIL_GOTO(done, SCP_EDATA,
                      "%s: best.h5 is damaged and the checkpoint of its step, %lld, is not there; "
                      "other weights do not go with the latents: train again with --fresh",
                      dir, (long long)head.best_step);
    scp_log(SCP_LOG_WARN, "%s: best.h5 is damaged; using the checkpoint of step %lld, %s", dir,
            (long long)step,
            step == head.best_step ? "which has the best score" : "which is NOT the best one");
done:
    if (st != SCP_OK) scp_ckpt_close(out);
    return st;
}

scp_status scp_weights_open(const char *run_dir, const char *stage, scp_ckpt **out)
{
    char dir[SCP_PATH_MAX], path[SCP_PATH_MAX];
    int64_t step;
    *out = NULL;
    SCP_TRY(scp_fs_join(dir, sizeof dir, run_dir, stage));
    SCP_TRY(scp_fs_join(path, sizeof path, dir, "best.h5"));
    if (scp_fs_exists(path)) {
        scp_status st = scp_ckpt_open(path, out);
        if (st != SCP_EDATA) return st;
        scp_log(SCP_LOG_WARN, "%s", scp_err_message());
        scp_err_clear();
        return open_instead(dir, stage, out);
    }
    if (!scp_fs_is_dir(dir))
        SCP_FAIL(SCP_ENOINPUT, "%s does not exist: run %s%s --run %s first", dir,
                 strcmp(stage, "vae") == 0 ? "scppdm_vae" : "scppdm_train --model ",
                 strcmp(stage, "vae") == 0     ? ""
                 : strcmp(stage, "train") == 0 ? "scppdm"
                                               : stage,
                 run_dir);
    return scp_ckpt_latest(dir, out, &step);
}

enum { HEAD_NUMBERS = 6 };

scp_status scp_weights_add_head(scp_ckpt_writer *w, const scp_weights_head *h)
{
    const int64_t numbers[HEAD_NUMBERS] = { h->step, h->steps, h->best_step,
                                            h->seed, h->batch, (int64_t)h->data_hash };
    SCP_TRY(scp_ckpt_add_i64(w, "numbers", numbers, HEAD_NUMBERS));
    return scp_ckpt_add_f64(w, "best", &h->best, 1);
}

scp_status scp_weights_get_head(const scp_ckpt *c, scp_weights_head *h)
{
    int64_t numbers[HEAD_NUMBERS];
    SCP_TRY(scp_ckpt_get_i64(c, "numbers", numbers, HEAD_NUMBERS));
    *h = (scp_weights_head){ .step = numbers[0],
                             .steps = numbers[1],
                             .best_step = numbers[2],
                             .seed = numbers[3],
                             .batch = numbers[4],
                             .data_hash = (uint64_t)numbers[5] };
    return scp_ckpt_get_f64(c, "best", &h->best, 1);
}

static scp_status array_name(char *buf, size_t size, scp_arena a, const scp_param_info *info)
{
    return scp_str_format(buf, size, "%s/%s", arena_name[a], info->name);
}

scp_status scp_weights_add(scp_ckpt_writer *w, const scp_params *params, scp_arena a)
{
    for (size_t i = 0; i < scp_params_count(params); i++) {
        const scp_param_info *info = scp_params_info(params, i);
        char name[300];
        float *host = NULL;
        if (info->state && a != SCP_ARENA_W && a != SCP_ARENA_EMA) continue;
        SCP_TRY(array_name(name, sizeof name, a, info));
        SCP_TRY(scp_ckpt_add_f32_room(w, name, info->count, &host));
        SCP_TRY(scp_params_read_f32(params, a, info->offset, info->count, host));
    }
    return SCP_OK;
}

/* Straight to where it stays, if that is memory of this process and fp32. */
static scp_status get_one(const scp_ckpt *c, const char *name, scp_params *params, scp_arena to,
                          const scp_param_info *info)
{
    const scp_backend *b = scp_params_device(params)->backend;
    float *host = NULL;
    if (b->host && b->real_size == sizeof *host)
        return scp_ckpt_get_f32(c, name, (float *)scp_params_arena(params, to) + info->offset,
                                info->count);
    SCP_TRY(scp_alloc(info->count, sizeof *host, &host));
    scp_status st = scp_ckpt_get_f32(c, name, host, info->count);
    if (st == SCP_OK) st = scp_params_write_f32(params, to, info->offset, info->count, host);
    free(host);
    return st;
}

scp_status scp_weights_get(const scp_ckpt *c, scp_params *params, scp_arena from, scp_arena to)
{
    for (size_t i = 0; i < scp_params_count(params); i++) {
        const scp_param_info *info = scp_params_info(params, i);
        char name[300];
        if (info->state && from != SCP_ARENA_W && from != SCP_ARENA_EMA) continue;
        SCP_TRY(array_name(name, sizeof name, from, info));
        SCP_TRY(get_one(c, name, params, to, info));
    }
    return SCP_OK;
}

scp_status scp_weights_load(const scp_ckpt *c, scp_params *params)
{
    SCP_TRY(scp_weights_get(c, params, SCP_ARENA_EMA, SCP_ARENA_W));
    if (!scp_params_arena(params, SCP_ARENA_EMA)) return SCP_OK;
    return scp_weights_get(c, params, SCP_ARENA_EMA, SCP_ARENA_EMA);
}

/* One tensor of the file: its values are read into *data, which the caller frees. */
static scp_status export_one(const scp_ckpt *c, const scp_param_info *info, scp_st_tensor *t,
                             float **data)
{
    char name[300];
    SCP_TRY(array_name(name, sizeof name, SCP_ARENA_EMA, info));
    SCP_TRY(scp_alloc(info->count, sizeof **data, data));
    *t = (scp_st_tensor){
        .name = info->name, .type = SCP_ST_F32, .rank = info->shape.n, .data = *data
    };
    for (int i = 0; i < info->shape.n; i++) t->shape[i] = info->shape.d[i];
    return scp_ckpt_get_f32(c, name, *data, info->count);
}

scp_status scp_weights_export(const scp_ckpt *c, const scp_params *params, const char *path)
{
    size_t n = scp_params_count(params);
    scp_st_tensor *tensors = NULL;
    float **data = NULL;
    char *method = NULL;
    scp_status st = SCP_OK;
    SCP_GOTO(done, scp_alloc(n, sizeof *tensors, &tensors));
    SCP_GOTO(done, scp_alloc(n, sizeof *data, &data));
    SCP_GOTO(done, scp_ckpt_get_text(c, "method", &method));
    for (size_t i = 0; i < n; i++)
        SCP_GOTO(done, export_one(c, scp_params_info(params, i), &tensors[i], &data[i]));
    const scp_st_meta meta[] = { { "format", "scppdm" }, { "method", method } };
    SCP_GOTO(done, scp_st_write(path, tensors, n, meta, 2));
done:
    for (size_t i = 0; data && i < n; i++) free(data[i]);
    free(data);
    free(tensors);
    free(method);
    return st;
}

scp_status scp_weights_method(const scp_ckpt *c, scp_method *m)
{
    char *text = NULL;
    SCP_TRY(scp_conf_defaults(scp_method_groups, m));
    SCP_TRY(scp_ckpt_get_text(c, "method", &text));
    scp_status st =
        scp_conf_load_text(scp_method_groups, m, text, strlen(text), "settings in the checkpoint");
    free(text);
    return st;
}

static const char *const stat_name[4] = { "stats/pre_mean", "stats/pre_std", "stats/target_mean",
                                          "stats/target_std" };

scp_status scp_weights_stats(const scp_ckpt *c, int64_t Dz, scp_latent_stats *s)
{
    SCP_TRY(scp_latent_stats_init(s, Dz));
    double *into[4] = { s->pre_mean, s->pre_std, s->target_mean, s->target_std };
    for (int i = 0; i < 4; i++) SCP_TRY(scp_ckpt_get_f64(c, stat_name[i], into[i], (size_t)Dz));
    return SCP_OK;
}

scp_status scp_weights_add_stats(scp_ckpt_writer *w, const scp_latent_stats *s)
{
    const double *from[4] = { s->pre_mean, s->pre_std, s->target_mean, s->target_std };
    for (int i = 0; i < 4; i++) SCP_TRY(scp_ckpt_add_f64(w, stat_name[i], from[i], (size_t)s->Dz));
    return SCP_OK;
}

static scp_status load_vae(scp_params *p, scp_graph *g, const scp_vae_config *cfg, size_t G,
                           const char *run_dir)
{
    scp_node *mu, *logvar;
    scp_ckpt *c = NULL;
    scp_vae_encode(g, cfg, scp_input(g, "x", SCP_REAL, SCP_SHAPE(1, (int64_t)G)), &mu, &logvar);
    scp_vae_decode(g, cfg, mu, (int64_t)G);
    SCP_TRY(scp_graph_status(g));
    SCP_TRY(scp_params_finalize(p));
    SCP_TRY(scp_weights_open(run_dir, "vae", &c));
    scp_status st = scp_weights_load(c, p);
    scp_ckpt_close(&c);
    return st;
}

scp_status scp_weights_vae(scp_device *dev, const scp_vae_config *cfg, size_t G,
                           const char *run_dir, scp_params **out)
{
    scp_params *p = NULL;
    scp_graph *g = NULL;
    SCP_TRY(scp_params_create_fixed(dev, 0, &p));
    scp_status st = scp_graph_create(p, &g);
    if (st == SCP_OK) st = load_vae(p, g, cfg, G, run_dir);
    scp_graph_destroy(&g);
    if (st != SCP_OK) scp_params_destroy(&p);
    *out = p;
    return st;
}
