/* Checkpoints of a training run, see state.h. */
#include "train/state.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "base/log.h"
#include "diffusion/weights.h"

static scp_status stage_dir(const scp_job *job, char *dir, size_t size)
{
    return scp_fs_join(dir, size, job->run_dir, job->stage);
}

static scp_status add_all(const scp_job *job, const scp_train_state *s, scp_ckpt_writer *w)
{
    const scp_weights_head head = { .step = s->step,
                                    .steps = job->cfg->steps,
                                    .best = s->best,
                                    .best_step = s->best_step,
                                    .seed = job->cfg->seed,
                                    .batch = job->cfg->batch,
                                    .data_hash = job->data_hash };
    SCP_TRY(scp_weights_add_head(w, &head));
    SCP_TRY(scp_ckpt_add_text(w, "method", job->method_text));
    SCP_TRY(scp_ckpt_add_text(w, "config", job->config_text));
    SCP_TRY(scp_weights_add(w, job->params, SCP_ARENA_W));
    SCP_TRY(scp_weights_add(w, job->params, SCP_ARENA_EMA));
    SCP_TRY(scp_weights_add(w, job->params, SCP_ARENA_M));
    SCP_TRY(scp_weights_add(w, job->params, SCP_ARENA_V));
    return job->save ? job->save(job->ctx, w) : SCP_OK;
}

static scp_status write_file(const scp_job *job, const scp_train_state *s, const char *path)
{
    scp_ckpt_writer *w = NULL;
    SCP_TRY(scp_ckpt_writer_create(path, &w));
    scp_status st = add_all(job, s, w);
    if (st == SCP_OK) return scp_ckpt_writer_commit(&w);
    scp_ckpt_writer_abort(&w);
    return st;
}

/* best.h5 first: a start that is cut off in between resumes from an older checkpoint and writes
 * both again, while the other order would resume with a best step that no file holds. */
static scp_status save(const scp_job *job, const scp_train_state *s)
{
    char dir[SCP_PATH_MAX], path[SCP_PATH_MAX];
    SCP_TRY(stage_dir(job, dir, sizeof dir));
    SCP_TRY(scp_fs_mkdirs(dir));
    if (s->best_step == s->step) {
        SCP_TRY(scp_fs_join(path, sizeof path, dir, "best.h5"));
        SCP_TRY(write_file(job, s, path));
    }
    SCP_TRY(scp_ckpt_name(path, sizeof path, dir, s->step));
    SCP_TRY(write_file(job, s, path));
    return scp_ckpt_publish(dir, s->step, job->cfg->keep);
}

scp_status scp_train_state_save(const scp_job *job, const scp_train_state *s)
{
    return scp_agree(job->comm, scp_comm_rank(job->comm) == 0 ? save(job, s) : SCP_OK);
}

static scp_status check_match(const scp_job *job, const char *path, const scp_weights_head *h,
                              const char *method)
{
    if (strcmp(method, job->method_text) != 0)
        SCP_FAIL(
            SCP_EDATA,
            "%s was trained with other settings of the method (%s); use another --run folder, or "
            "--fresh to start over",
            path, strncmp(method, "baseline", 8) == 0 ? "baseline" : "vae, model, diffusion");
    if (h->seed != job->cfg->seed || h->batch != job->cfg->batch)
        SCP_FAIL(SCP_EDATA,
                 "%s was trained with seed %lld and batch %lld, now %lld and %lld; use another "
                 "--run folder, or --fresh to start over",
                 path, (long long)h->seed, (long long)h->batch, (long long)job->cfg->seed,
                 (long long)job->cfg->batch);
    if (h->data_hash != job->data_hash)
        SCP_FAIL(SCP_EDATA,
                 "%s was trained on another shard, or on other latents (the autoencoder was "
                 "trained again); use another --run folder, or --fresh to start over",
                 path);
    if (h->steps != job->cfg->steps)
        scp_log(SCP_LOG_WARN,
                "%s was to run %lld steps, now %lld: learning rate and ramps follow the new number",
                path, (long long)h->steps, (long long)job->cfg->steps);
    return SCP_OK;
}

static scp_status read_all(const scp_job *job, const scp_ckpt *c, scp_train_state *s)
{
    scp_weights_head head;
    char *method = NULL;
    SCP_TRY(scp_weights_get_head(c, &head));
    SCP_TRY(scp_ckpt_get_text(c, "method", &method));
    scp_status st = check_match(job, scp_ckpt_path(c), &head, method);
    free(method);
    SCP_TRY(st);
    for (int a = 0; a < SCP_ARENA_COUNT; a++)
        if (a != SCP_ARENA_G) SCP_TRY(scp_weights_get(c, job->params, (scp_arena)a, (scp_arena)a));
    *s = (scp_train_state){ .step = head.step, .best = head.best, .best_step = head.best_step };
    return SCP_OK;
}

/* Is there anything to resume from? best.h5 alone is not. */
static scp_status has_checkpoint(const char *dir, bool *found)
{
    char **names = NULL;
    size_t n = 0;
    *found = false;
    if (!scp_fs_is_dir(dir)) return SCP_OK;
    SCP_TRY(scp_fs_list(dir, ".h5", &names, &n));
    for (size_t i = 0; i < n; i++) *found |= strcmp(names[i], "best.h5") != 0;
    scp_fs_list_free(names, n);
    return SCP_OK;
}

static scp_status load(const scp_job *job, scp_train_state *s, bool *found)
{
    char dir[SCP_PATH_MAX];
    scp_ckpt *c = NULL;
    int64_t step;
    SCP_TRY(stage_dir(job, dir, sizeof dir));
    SCP_TRY(has_checkpoint(dir, found));
    if (!*found) return SCP_OK;
    SCP_TRY(scp_ckpt_latest(dir, &c, &step));
    scp_status st = read_all(job, c, s);
    scp_ckpt_close(&c);
    return st;
}

scp_status scp_train_state_load(const scp_job *job, scp_train_state *s, bool *found)
{
    SCP_TRY(scp_agree(job->comm, load(job, s, found)));
    int64_t step[2] = { s->step, -s->step };
    SCP_TRY(scp_comm_allreduce(job->comm, step, 2, SCP_COMM_I64, SCP_COMM_MAX));
    if (step[0] != -step[1])
        SCP_FAIL(SCP_ERETRY,
                 "%s/%s: some ranks see the checkpoint of step %lld, others that of step %lld; a "
                 "shared file system may lag: try again",
                 job->run_dir, job->stage, (long long)-step[1], (long long)step[0]);
    return SCP_OK;
}

static scp_status clear(const scp_job *job)
{
    char dir[SCP_PATH_MAX], path[SCP_PATH_MAX];
    char **names = NULL;
    size_t n = 0;
    SCP_TRY(stage_dir(job, dir, sizeof dir));
    if (!scp_fs_is_dir(dir)) return SCP_OK;
    SCP_TRY(scp_fs_join(path, sizeof path, dir, "LATEST"));
    scp_fs_remove(path);
    SCP_TRY(scp_fs_list(dir, ".h5", &names, &n));
    scp_status st = SCP_OK;
    for (size_t i = 0; i < n && st == SCP_OK; i++) {
        st = scp_fs_join(path, sizeof path, dir, names[i]);
        if (st == SCP_OK) scp_fs_remove(path);
    }
    scp_fs_list_free(names, n);
    return st;
}

scp_status scp_train_state_clear(const scp_job *job)
{
    return scp_agree(job->comm, scp_comm_rank(job->comm) == 0 ? clear(job) : SCP_OK);
}

static scp_status export_weights(const scp_job *job)
{
    char path[SCP_PATH_MAX];
    scp_ckpt *c = NULL;
    bool main_model = strcmp(job->stage, "train") == 0;
    SCP_TRY(scp_str_format(path, sizeof path, "%s/weights%s%s.safetensors", job->run_dir,
                           main_model ? "" : "-", main_model ? "" : job->stage));
    SCP_TRY(scp_weights_open(job->run_dir, job->stage, &c));
    scp_status st = scp_weights_export(c, job->params, path);
    scp_ckpt_close(&c);
    return st;
}

scp_status scp_train_state_export(const scp_job *job)
{
    return scp_agree(job->comm, scp_comm_rank(job->comm) == 0 ? export_weights(job) : SCP_OK);
}
