/* Labels of a block against those of their line, see discriminate.h. */
#include "eval/discriminate.h"

#include <stdlib.h>

#include "base/mem.h"

struct scp_discriminate {
    const scp_dataset *d;
    const scp_eval_plan *plan;
    const scp_truth *truth;
    size_t n_models;
    size_t line_of;        /* first label of the line whose true effects are ready, or SIZE_MAX */
    scp_pds_line *line;    /* these */
    const float **post;    /* [n] true profiles by condition */
    const float **pre;     /* [n] controls by condition */
    scp_pds_effect *label; /* [n_labels] */
    float *held;           /* profiles of the line, with a truth */
    size_t cap_held;
    const float **pred;   /* [n_models, max_block] predicted profiles of a block */
    scp_pds_effect *f;    /* [max_block, n_models] their effects */
    size_t *own;          /* [max_block, n_models] their places in the line */
};

void scp_discriminate_destroy(scp_discriminate **w)
{
    if (!w || !*w) return;
    scp_pds_line_destroy(&(*w)->line);
    free((*w)->post);
    free((*w)->pre);
    free((*w)->label);
    free((*w)->held);
    free((*w)->pred);
    free((*w)->f);
    free((*w)->own);
    free(*w);
    *w = NULL;
}

static scp_status make_room(scp_discriminate *w)
{
    const scp_eval_plan *p = w->plan;
    const size_t most = p->max_block * w->n_models;
    SCP_TRY(scp_alloc(p->n, sizeof *w->post, &w->post));
    SCP_TRY(scp_alloc(p->n, sizeof *w->pre, &w->pre));
    SCP_TRY(scp_alloc(p->n_labels, sizeof *w->label, &w->label));
    SCP_TRY(scp_alloc(most, sizeof *w->pred, &w->pred));
    SCP_TRY(scp_alloc(most, sizeof *w->f, &w->f));
    SCP_TRY(scp_alloc(most, sizeof *w->own, &w->own));
    return scp_pds_line_create(w->d->G, &w->line);
}

static const float *profile(const scp_dataset *d, int32_t p)
{
    return d->x + (size_t)p * d->G;
}

scp_status scp_discriminate_create(const scp_dataset *d, const scp_eval_plan *plan,
                                   const scp_truth *truth, size_t n_models, scp_discriminate **out)
{
    SCP_ARG(d && plan && n_models && out, "data set, plan and models are required");
    scp_discriminate *w = NULL;
    SCP_TRY(scp_alloc(1, sizeof *w, &w));
    w->d = d;
    w->plan = plan;
    w->truth = truth;
    w->n_models = n_models;
    w->line_of = SIZE_MAX;
    scp_status st = make_room(w);
    for (size_t i = 0; i < plan->n && st == SCP_OK; i++) {
        w->post[i] = profile(d, d->post[plan->row[i]]);
        w->pre[i] = profile(d, d->pre[plan->row[i]]);
    }
    for (size_t l = 0; l < plan->n_labels && st == SCP_OK; l++) {
        const size_t first = plan->label_begin[l];
        w->label[l] = (scp_pds_effect){ .post = w->post + first,
                                        .pre = w->pre + first,
                                        .plates = plan->label_begin[l + 1] - first };
    }
    if (st != SCP_OK) scp_discriminate_destroy(&w);
    *out = w;
    return st;
}

/* The truth of the conditions [begin, end), as many at a time as a block has at most. */
static scp_status hold_truth(scp_discriminate *w, size_t begin, size_t end)
{
    const size_t G = w->d->G, most = w->plan->max_block;
    SCP_TRY(scp_grow(&w->held, &w->cap_held, (end - begin) * G, sizeof *w->held));
    for (size_t i = begin; i < end; i += most)
        SCP_TRY(w->truth->fill(w->truth->ctx, w->plan->row + i, end - i < most ? end - i : most,
                               w->held + (i - begin) * G));
    for (size_t i = begin; i < end; i++) w->post[i] = w->held + (i - begin) * G;
    return SCP_OK;
}

/* The true effects of the line that label l belongs to. */
static scp_status begin_line(scp_discriminate *w, size_t l)
{
    const scp_eval_plan *p = w->plan;
    const size_t first = p->line_begin[l], end = p->line_end[l];
    if (w->line_of == first) return SCP_OK;
    w->line_of = SIZE_MAX;
    if (w->truth) SCP_TRY(hold_truth(w, p->label_begin[first], p->label_begin[end]));
    SCP_TRY(scp_pds_line_begin(w->line, w->label + first, end - first));
    w->line_of = first;
    return SCP_OK;
}

/* Effects predicted for the labels [first, end) of a block whose first condition is `begin`. */
static void list_predicted(scp_discriminate *w, size_t first, size_t end, size_t begin)
{
    const scp_eval_plan *p = w->plan;
    for (size_t l = first; l < end; l++)
        for (size_t m = 0; m < w->n_models; m++) {
            const size_t at = (l - first) * w->n_models + m;
            w->f[at] = w->label[l];
            w->f[at].post = w->pred + m * p->max_block + p->label_begin[l] - begin;
            w->own[at] = l - p->line_begin[l];
        }
}

scp_status scp_discriminate_block(scp_discriminate *w, size_t block, const float *pred,
                                  scp_pds_scores *out)
{
    const scp_eval_plan *p = w->plan;
    const size_t last = p->block_begin[block + 1], M = w->n_models;
    size_t begin, unused;
    scp_eval_plan_block(p, block, &begin, &unused);
    for (size_t k = 0; k < M * p->max_block; k++) w->pred[k] = pred + k * w->d->G;
    for (size_t l = p->block_begin[block], end; l < last; l = end) {
        end = p->line_end[l] < last ? p->line_end[l] : last;
        SCP_TRY(begin_line(w, l));
        list_predicted(w, l, end, begin);
        SCP_TRY(scp_pds_line_score(w->line, w->f, w->own, (end - l) * M, out));
        out += (end - l) * M;
    }
    return SCP_OK;
}
