/* Checkpoints of a training run, see state.h. What a checkpoint must agree with is in
 * train/match.c. */
#include "train/state.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/mem.h"
#include "diffusion/weights.h"
#include "io/ckpt_helper.h"
#include "io/run_lock.h"
#include "train/match.h"

enum { COUNTERS = 2, SCALER = 2 };

struct scp_train_store {
    const scp_job *job;
    char dir[SCP_PATH_MAX];
    scp_run_lock *lock;      /* rank 0 */
    scp_ckpt_helper *helper; /* rank 0, once there is something to write */
    int64_t loaded;          /* step of the checkpoint it began with; -1: none */
};

static bool is_root(const scp_train_store *t)
{
    return scp_comm_rank(t->job->comm) == 0;
}

/* ---- the folder ---- */

/* Names of this stage in the run folder, which it writes under temporaries. */
static scp_status sweep_run(const scp_job *job)
{
    char weights[SCP_PATH_MAX];
    bool main_model = strcmp(job->stage, "train") == 0;
    SCP_TRY(scp_str_format(weights, sizeof weights, "weights%s%s.safetensors",
                           main_model ? "" : "-", main_model ? "" : job->stage));
    scp_fs_sweep(job->run_dir, weights);
    const char *config = job->config_path ? strrchr(job->config_path, '/') : NULL;
    if (config) scp_fs_sweep(job->run_dir, config + 1);
    if (strcmp(job->stage, "vae") == 0) scp_fs_sweep(job->run_dir, "latents.h5");
    return SCP_OK;
}

static scp_status open_folder(scp_train_store *t)
{
    char path[SCP_PATH_MAX];
    bool works;
    SCP_TRY(scp_fs_mkdirs(t->dir));
    SCP_TRY(scp_fs_join(path, sizeof path, t->dir, "lock"));
    SCP_TRY(scp_run_lock_take(path, &works, &t->lock));
    if (!works) return SCP_OK; /* somebody else's temporaries cannot be told from old ones */
    size_t n = scp_fs_sweep(t->dir, NULL);
    if (n > 0)
        scp_log(SCP_LOG_INFO, "%s: removed %zu unfinished file%s of a run that was killed", t->dir,
                n, n == 1 ? "" : "s");
    return sweep_run(t->job);
}

scp_status scp_train_store_open(const scp_job *job, scp_train_store **out)
{
    scp_status st = SCP_OK;
    scp_train_store *t = NULL;
    *out = NULL;
    st = scp_alloc(1, sizeof *t, &t);
    if (st == SCP_OK) {
        *t = (scp_train_store){ .job = job, .loaded = -1 };
        st = scp_fs_join(t->dir, sizeof t->dir, job->run_dir, job->stage);
    }
    if (st == SCP_OK && is_root(t)) st = open_folder(t);
    st = scp_agree(job->comm, st);
    if (st != SCP_OK) scp_train_store_close(&t);
    *out = t;
    return st;
}

scp_status scp_train_store_begin(scp_train_store *t, const char *metrics)
{
    scp_status st = SCP_OK;
    if (is_root(t)) st = scp_ckpt_helper_create(t->dir, t->job->cfg->keep, metrics, &t->helper);
    return scp_agree(t->job->comm, st);
}

void scp_train_store_close(scp_train_store **t)
{
    if (!t || !*t) return;
    scp_ckpt_helper_destroy(&(*t)->helper);
    scp_run_lock_release(&(*t)->lock);
    free(*t);
    *t = NULL;
}

/* ---- writing ---- */

static scp_status add_all(const scp_job *job, const scp_train_state *s, scp_ckpt_writer *w)
{
    const scp_weights_head head = { .step = s->step,
                                    .steps = job->cfg->steps,
                                    .best = s->best,
                                    .best_step = s->best_step,
                                    .seed = job->cfg->seed,
                                    .batch = job->cfg->batch,
                                    .data_hash = job->data_hash };
    const int64_t counters[COUNTERS] = { s->skipped, s->bad };
    SCP_TRY(scp_weights_add_head(w, &head));
    SCP_TRY(scp_ckpt_add_i64(w, "counters", counters, COUNTERS));
    SCP_TRY(scp_ckpt_add_int(w, "scored", s->scored));
    const double scaler[SCALER] = { s->loss_scale, (double)s->good };
    SCP_TRY(scp_ckpt_add_f64(w, "scaler", scaler, SCALER));
    SCP_TRY(scp_match_add(w, job));
    SCP_TRY(scp_weights_add(w, job->params, SCP_ARENA_W));
    SCP_TRY(scp_weights_add(w, job->params, SCP_ARENA_EMA));
    SCP_TRY(scp_weights_add(w, job->params, SCP_ARENA_M));
    SCP_TRY(scp_weights_add(w, job->params, SCP_ARENA_V));
    return job->save ? job->save(job->ctx, w) : SCP_OK;
}

/* best.h5 comes first: a start that is cut off in between resumes from an older checkpoint and
 * writes both again, while the other order would resume with a best step that no file holds. */
static scp_status save(scp_train_store *t, const scp_train_state *s)
{
    char path[SCP_PATH_MAX];
    scp_ckpt_writer *w = NULL;
    scp_status st = SCP_OK;
    double began = scp_clock_seconds();
    SCP_TRY(scp_ckpt_helper_begin(t->helper, s->step, &w));
    double waited = scp_clock_seconds();
    SCP_GOTO(done, add_all(t->job, s, w));
    SCP_GOTO(done, scp_fs_join(path, sizeof path, t->dir, "best.h5"));
    if (s->best_step == s->step) SCP_GOTO(done, scp_ckpt_writer_also(w, path));
    const scp_ckpt_done before = scp_ckpt_helper_done(t->helper);
    scp_ckpt_helper_put(t->helper, &w);
    scp_log(SCP_LOG_DEBUG,
            "checkpoint %lld: copied in %.4f s, waited %.4f s for the one before, which took %.4f s "
            "(%.4f s of a processor)",
            (long long)s->step, scp_clock_seconds() - waited, waited - began, before.seconds,
            before.computed);
done:
    scp_ckpt_writer_abort(&w);
    return st;
}

scp_status scp_train_state_save(scp_train_store *t, const scp_train_state *s)
{
    return scp_agree(t->job->comm, is_root(t) ? save(t, s) : SCP_OK);
}

scp_status scp_train_store_poll(scp_train_store *t)
{
    return t->helper ? scp_ckpt_helper_poll(t->helper) : SCP_OK;
}

scp_status scp_train_store_wait(scp_train_store *t)
{
    return scp_agree(t->job->comm, t->helper ? scp_ckpt_helper_wait(t->helper) : SCP_OK);
}

int64_t scp_train_store_saved(const scp_train_store *t)
{
    int64_t step = t->helper ? scp_ckpt_helper_done(t->helper).step : -1;
    return step >= 0 ? step : t->loaded;
}

/* ---- reading ---- */

static scp_status read_all(const scp_job *job, const scp_ckpt *c, scp_train_state *s)
{
    scp_weights_head head;
    int64_t counters[COUNTERS] = { 0 };
    double scaler[SCALER] = { 0 };
    int64_t scored;
    SCP_TRY(scp_weights_get_head(c, &head));
    SCP_TRY(scp_match_check(c, job, &head));
    if (scp_ckpt_has(c, "counters")) /* not in files of earlier versions */
        SCP_TRY(scp_ckpt_get_i64(c, "counters", counters, COUNTERS));
    scored = head.step; /* earlier versions do not say */
    if (scp_ckpt_has(c, "scored")) SCP_TRY(scp_ckpt_get_int(c, "scored", &scored));
    if (scp_ckpt_has(c, "scaler")) SCP_TRY(scp_ckpt_get_f64(c, "scaler", scaler, SCALER));
    for (int a = 0; a < SCP_ARENA_COUNT; a++)
        if (a != SCP_ARENA_G) SCP_TRY(scp_weights_get(c, job->params, (scp_arena)a, (scp_arena)a));
    *s = (scp_train_state){ .step = head.step,
                            .best = head.best,
                            .best_step = head.best_step,
                            .scored = scored,
                            .skipped = counters[0],
                            .bad = counters[1],
                            .loss_scale = scaler[0],
                            .good = (int64_t)scaler[1] };
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

static scp_status load(scp_train_store *t, scp_train_state *s, bool *found)
{
    scp_ckpt *c = NULL;
    int64_t step;
    SCP_TRY(has_checkpoint(t->dir, found));
    if (!*found) return SCP_OK;
    SCP_TRY(scp_ckpt_latest(t->dir, &c, &step));
    scp_status st = read_all(t->job, c, s);
    scp_ckpt_close(&c);
    return st;
}

scp_status scp_train_state_load(scp_train_store *t, scp_train_state *s, bool *found)
{
    SCP_TRY(scp_agree(t->job->comm, load(t, s, found)));
    int64_t step[2] = { s->step, -s->step };
    SCP_TRY(scp_comm_allreduce(t->job->comm, step, 2, SCP_COMM_I64, SCP_COMM_MAX));
    if (step[0] != -step[1])
        SCP_FAIL(SCP_ERETRY,
                 "%s: some ranks see the checkpoint of step %lld, others that of step %lld; a "
                 "shared file system may lag: try again",
                 t->dir, (long long)-step[1], (long long)step[0]);
    if (*found) t->loaded = s->step;
    return SCP_OK;
}

static scp_status clear(const char *dir)
{
    char path[SCP_PATH_MAX];
    char **names = NULL;
    size_t n = 0;
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

scp_status scp_train_state_clear(scp_train_store *t)
{
    return scp_agree(t->job->comm, is_root(t) ? clear(t->dir) : SCP_OK);
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
