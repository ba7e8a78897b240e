/* What the mean models share. Private to src/model/means.c and src/model/baselines. */
#ifndef SCP_MODEL_MEANS_IMPL_H
#define SCP_MODEL_MEANS_IMPL_H

#include "model/dose_level.h"
#include "model/means.h"

enum { SCP_MEANS_GROUPS_PER_PAIR = 2 };

/* How a pair's prediction is found: the figures of scp_means_backoff. */
typedef enum scp_means_source {
    SCP_MEANS_EXACT,
    SCP_MEANS_NEAREST,
    SCP_MEANS_NONE
} scp_means_source;

/* A table of group means [n_groups, G] over training pairs, and the group that each pair reads. */
struct scp_means {
    scp_means_kind kind;
    const scp_dataset *d;
    bool shifts; /* means of x_post - x_pre, added to x_pre; else means of x_post */
    size_t n_groups;
    /* [N] groups that a training pair counts in, -1 none */
    int32_t *member[SCP_MEANS_GROUPS_PER_PAIR];
    int32_t *use;           /* [N] group that predicts the pair, -1 none */
    uint8_t *source;        /* [N] scp_means_source */
    double *weight;         /* [N] of a training pair in its groups; NULL: 1 each */
    uint8_t *control;       /* [P] controls whose mean over the line is the origin of its shifts;
                               NULL: every pair's own control is */
    double *total;          /* [n_groups] weights of its training pairs */
    float *table;           /* [n_groups, G] */
    scp_dose_levels levels; /* of the kinds that use them */
    int32_t *twin;          /* [N] pairs by (line, drug, dose); [N] place of a pair in that order */
};

/* Set n_groups, member, use, source; the engine has set -1 and SCP_MEANS_EXACT everywhere. */
scp_status scp_perturb_mean_plan(scp_means *m) SCP_MUST_USE;
scp_status scp_perturb_state_plan(scp_means *m) SCP_MUST_USE;
scp_status scp_nearest_drug_plan(scp_means *m) SCP_MUST_USE;
scp_status scp_context_mean_plan(scp_means *m) SCP_MUST_USE;
scp_status scp_global_mean_plan(scp_means *m) SCP_MUST_USE;
scp_status scp_line_mean_plan(scp_means *m) SCP_MUST_USE;
scp_status scp_replicate_plan(scp_means *m) SCP_MUST_USE;

/** Mean true shift of the pair's other plates, added to its control; NaN without any. out [G]. */
void scp_replicate_predict(const scp_means *m, int32_t pair, float *out);

static inline bool scp_means_trains(const scp_means *m, size_t pair)
{
    return m->d->split[pair] == SCP_SPLIT_TRAIN;
}
static inline int32_t scp_means_drug(const scp_means *m, size_t pair)
{
    return m->d->p_drug[m->d->post[pair]];
}
static inline int32_t scp_means_line(const scp_means *m, size_t pair)
{
    return m->d->p_line[m->d->post[pair]];
}
static inline double scp_means_dose(const scp_means *m, size_t pair)
{
    return m->d->p_dose[m->d->post[pair]];
}

#endif
