/* The thread that writes checkpoints, see ckpt_helper.h. */
#include "io/ckpt_helper.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/mem.h"
#include "io/ckpt_image.h"

struct scp_ckpt_helper {
    char *dir, *before;
    int64_t keep;
    pthread_t thread;
    scp_ckpt_image image; /* of the writer: never two at a time */
    pthread_mutex_t lock; /* of all below */
    pthread_cond_t changed;
    scp_ckpt_writer *next; /* waiting or under way; NULL: idle */
    int64_t step;          /* of it */
    bool end;
    scp_status st; /* of the last write, until somebody has asked */
    scp_err_copy error;
    scp_ckpt_done done;
};

static scp_status write_one(scp_ckpt_helper *h, scp_ckpt_writer **w, int64_t step)
{
    scp_status st = SCP_OK;
    if (h->before && scp_fs_exists(h->before)) st = scp_fs_sync(h->before);
    if (st != SCP_OK) scp_ckpt_writer_abort(w);
    SCP_TRY(st);
    SCP_TRY(scp_ckpt_writer_commit(w));
    return scp_ckpt_publish(h->dir, step, h->keep);
}

/* Write what lies there; called and left with the lock held. */
static void serve(scp_ckpt_helper *h)
{
    scp_ckpt_writer *w = h->next;
    const int64_t step = h->step;
    const double began = scp_clock_seconds(), computed = scp_clock_thread_seconds();
    pthread_mutex_unlock(&h->lock);
    scp_status st = write_one(h, &w, step);
    pthread_mutex_lock(&h->lock);
    if (st != SCP_OK) {
        h->st = st;
        scp_err_save(&h->error);
        scp_err_clear();
    } else {
        h->done.step = step;
        h->done.at = scp_clock_seconds();
        h->done.seconds = h->done.at - began;
        h->done.computed = scp_clock_thread_seconds() - computed;
    }
    h->next = NULL;
    pthread_cond_broadcast(&h->changed);
}

static void *run(void *arg)
{
    scp_ckpt_helper *h = arg;
    pthread_mutex_lock(&h->lock);
    for (;;) {
        while (!h->next && !h->end) pthread_cond_wait(&h->changed, &h->lock);
        if (!h->next) break;
        serve(h);
    }
    pthread_mutex_unlock(&h->lock);
    return NULL;
}

static void release(scp_ckpt_helper **h)
{
    free((*h)->dir);
    free((*h)->before);
    scp_ckpt_image_fini(&(*h)->image);
    free(*h);
    *h = NULL;
}

scp_status scp_ckpt_helper_create(const char *dir, int64_t keep, const char *before,
                                  scp_ckpt_helper **out)
{
    SCP_ARG(dir && out, "folder and result are required");
    scp_status st = SCP_OK;
    SCP_TRY(scp_alloc(1, sizeof **out, out));
    scp_ckpt_helper *h = *out;
    h->keep = keep;
    h->done.step = -1;
    SCP_GOTO(failed, scp_strdup(dir, &h->dir));
    if (before) SCP_GOTO(failed, scp_strdup(before, &h->before));
    pthread_mutex_init(&h->lock, NULL);
    pthread_cond_init(&h->changed, NULL);
    int rc = pthread_create(&h->thread, NULL, run, h);
    if (rc != 0)
        SCP_FAIL_GOTO(failed, SCP_EINTERNAL, "cannot start a thread for checkpoints: %s",
                      strerror(rc));
    return SCP_OK;
failed:
    release(out);
    return st;
}

/* The error of a write that has ended, with the lock held; the caller's chain gets it. */
static scp_status take_error(scp_ckpt_helper *h)
{
    scp_status st = h->st;
    h->st = SCP_OK;
    if (st != SCP_OK) scp_err_restore(&h->error);
    return st;
}

static void wait_idle(scp_ckpt_helper *h)
{
    while (h->next) pthread_cond_wait(&h->changed, &h->lock);
}

scp_status scp_ckpt_helper_begin(scp_ckpt_helper *h, int64_t step, scp_ckpt_writer **out)
{
    char path[SCP_PATH_MAX];
    double began = scp_clock_seconds();
    *out = NULL;
    pthread_mutex_lock(&h->lock);
    wait_idle(h);
    h->done.waited += scp_clock_seconds() - began;
    scp_status st = take_error(h);
    h->step = step;
    pthread_mutex_unlock(&h->lock);
    SCP_TRY(st);
    SCP_TRY(scp_ckpt_name(path, sizeof path, h->dir, step));
    return scp_ckpt_writer_create_on(&h->image, path, out);
}

void scp_ckpt_helper_put(scp_ckpt_helper *h, scp_ckpt_writer **w)
{
    pthread_mutex_lock(&h->lock);
    h->next = *w;
    *w = NULL;
    pthread_cond_broadcast(&h->changed);
    pthread_mutex_unlock(&h->lock);
}

scp_status scp_ckpt_helper_poll(scp_ckpt_helper *h)
{
    pthread_mutex_lock(&h->lock);
    scp_status st = take_error(h);
    pthread_mutex_unlock(&h->lock);
    return st;
}

scp_status scp_ckpt_helper_wait(scp_ckpt_helper *h)
{
    pthread_mutex_lock(&h->lock);
    wait_idle(h);
    scp_status st = take_error(h);
    pthread_mutex_unlock(&h->lock);
    return st;
}

scp_ckpt_done scp_ckpt_helper_done(scp_ckpt_helper *h)
{
    pthread_mutex_lock(&h->lock);
    scp_ckpt_done done = h->done;
    pthread_mutex_unlock(&h->lock);
    return done;
}

void scp_ckpt_helper_destroy(scp_ckpt_helper **hp)
{
    scp_ckpt_helper *h = hp ? *hp : NULL;
    if (!h) return;
    pthread_mutex_lock(&h->lock);
    h->end = true;
    pthread_cond_broadcast(&h->changed);
    pthread_mutex_unlock(&h->lock);
    pthread_join(h->thread, NULL);
    pthread_cond_destroy(&h->changed);
    pthread_mutex_destroy(&h->lock);
    release(hp);
}
