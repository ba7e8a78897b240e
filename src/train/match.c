/* Comparison of a checkpoint with the run that wants to go on from it, see match.h. */
#include "train/match.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "conf/option.h"

#define OR_ELSE "use another --run folder, or start over with --fresh"

/* Keys of the training options of a stage begin like this. */
static const char *prefix_of(const scp_job *job)
{
    return strcmp(job->stage, "vae") == 0 ? "vae_train" : "train";
}

/* Names of the texts in a checkpoint; rules are not in files of earlier versions. */
static const char *const part_name[] = { [SCP_TRAIN_ORDER] = "order",
                                         [SCP_TRAIN_SCHEDULE] = "schedule",
                                         [SCP_TRAIN_RULES] = "rules" };

/* The text of a part; the rules end with how validation samples. */
static scp_status part_text(const scp_job *job, scp_train_part part, scp_strbuf *out)
{
    SCP_TRY(scp_train_config_text(job->cfg, prefix_of(job), part, out));
    if (part != SCP_TRAIN_RULES || !job->scoring_text) return SCP_OK;
    return scp_strbuf_addn(out, job->scoring_text, strlen(job->scoring_text));
}

static scp_status add_part(scp_ckpt_writer *w, const scp_job *job, scp_train_part part)
{
    scp_strbuf b = { 0 };
    scp_status st = part_text(job, part, &b);
    if (st == SCP_OK) st = scp_ckpt_add_text(w, part_name[part], b.text);
    scp_strbuf_fini(&b);
    return st;
}

scp_status scp_match_add(scp_ckpt_writer *w, const scp_job *job)
{
    SCP_TRY(scp_ckpt_add_text(w, "method", job->method_text));
    SCP_TRY(scp_ckpt_add_text(w, "config", job->config_text));
    SCP_TRY(add_part(w, job, SCP_TRAIN_ORDER));
    SCP_TRY(add_part(w, job, SCP_TRAIN_SCHEDULE));
    return add_part(w, job, SCP_TRAIN_RULES);
}

/* Append how a text of the checkpoint differs from `now` below a prefix; a text that the file does
 * not have (of an earlier version) does not, and a setting that the text does not have was as in
 * `before`. */
static scp_status difference(const scp_ckpt *c, const char *name, const char *before,
                             const char *now, const char *prefix, scp_strbuf *out, size_t *n)
{
    char *old = NULL;
    *n = 0;
    SCP_TRY(scp_strbuf_addn(out, "", 0));
    if (!scp_ckpt_has(c, name)) return SCP_OK;
    SCP_TRY(scp_ckpt_get_text(c, name, &old));
    scp_status st = scp_conf_diff(old, before, now, prefix, out, n);
    free(old);
    return st;
}

static scp_status part_difference(const scp_ckpt *c, const scp_job *job, scp_train_part part,
                                  scp_strbuf *out, size_t *n)
{
    scp_strbuf now = { 0 };
    scp_status st = part_text(job, part, &now);
    if (st == SCP_OK)
        st = difference(c, part_name[part], job->scoring_default, now.text, "", out, n);
    scp_strbuf_fini(&now);
    return st;
}

static scp_status check_method(const scp_ckpt *c, const scp_job *job, scp_strbuf *b)
{
    size_t n;
    SCP_TRY(difference(c, "method", NULL, job->method_text, "", b, &n));
    if (n > 0)
        SCP_FAIL(SCP_EDATA, "%s was trained with other settings: %s; set %s back, " OR_ELSE,
                 scp_ckpt_path(c), b->text, n == 1 ? "it" : "them");
    return SCP_OK;
}

static scp_status check_order(const scp_ckpt *c, const scp_job *job, scp_strbuf *b)
{
    size_t n;
    SCP_TRY(part_difference(c, job, SCP_TRAIN_ORDER, b, &n));
    if (n > 0)
        SCP_FAIL(SCP_EDATA,
                 "%s was trained in another order of samples: %s; set %s back, " OR_ELSE,
                 scp_ckpt_path(c), b->text, n == 1 ? "it" : "them");
    return SCP_OK;
}

static scp_status check_data(const scp_ckpt *c, const scp_job *job, const scp_weights_head *h,
                             scp_strbuf *b)
{
    size_t n;
    if (h->data_hash == job->data_hash) return SCP_OK;
    SCP_TRY(difference(c, "config", NULL, job->config_text, "shard", b, &n));
    SCP_FAIL(SCP_EDATA,
             "%s was trained on other data: hash was %016" PRIx64 ", is now %016" PRIx64 "%s%s: "
             "another shard, or for a denoiser other latents (the autoencoder was trained again); "
             "give that --shard, " OR_ELSE,
             scp_ckpt_path(c), h->data_hash, job->data_hash, n ? "; " : "", b->text);
}

/* Schedule, and rules where steps are left: those of a run that is done decide nothing any more,
 * and guidance chosen after training is written over the one it was scored with. */
static scp_status check_schedule(const scp_ckpt *c, const scp_job *job, const scp_weights_head *h,
                                 scp_strbuf *b)
{
    size_t n, rules = 0;
    scp_strbuf more = { 0 };
    SCP_TRY(part_difference(c, job, SCP_TRAIN_SCHEDULE, b, &n));
    scp_status st = SCP_OK;
    if (h->step < job->cfg->steps) st = part_difference(c, job, SCP_TRAIN_RULES, &more, &rules);
    if (st == SCP_OK && rules) st = scp_strbuf_addf(b, "%s%s", n ? "; " : "", more.text);
    scp_strbuf_fini(&more);
    SCP_TRY(st);
    n += rules;
    if (n > 0 && !job->cfg->accept_changes)
        SCP_FAIL(SCP_EDATA,
                 "%s was trained with another schedule: %s; set %s back, go on all the same with "
                 "--%s.accept_changes, " OR_ELSE,
                 scp_ckpt_path(c), b->text, n == 1 ? "it" : "them", prefix_of(job));
    if (n > 0)
        scp_log(SCP_LOG_WARN, "%s was trained with another schedule: %s", scp_ckpt_path(c),
                b->text);
    return SCP_OK;
}

scp_status scp_match_check(const scp_ckpt *c, const scp_job *job, const scp_weights_head *head)
{
    scp_strbuf b = { 0 };
    scp_status st = check_method(c, job, &b);
    if (st == SCP_OK) st = check_order(c, job, &b);
    if (st == SCP_OK) st = check_data(c, job, head, &b);
    if (st == SCP_OK) st = check_schedule(c, job, head, &b);
    scp_strbuf_fini(&b);
    return st;
}
