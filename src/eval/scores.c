/* Reductions of the scores of a model, and their release. */
#include "eval/evaluate.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"

/* Column c of pseudo-count p over the conditions kept; a value of a label counts once. Returns the
 * number of values. group_of (may be NULL): number of the group of a condition. */
static size_t column(const scp_scores *s, size_t p, size_t c, const uint8_t *keep,
                     const int32_t *group_of, double *v, int32_t *group)
{
    size_t n = 0;
    int32_t last = -1;
    for (size_t i = 0; i < s->n; i++) {
        if (keep && !keep[i]) continue;
        if (s->cols.col[c].per_label && s->label[i] == last) continue;
        last = s->label[i];
        if (group_of) group[n] = group_of[i];
        v[n++] = scp_scores_value(s, p, i, c);
    }
    return n;
}

static scp_status reduce_by(const scp_scores *s, const int32_t *group_of, scp_reduction *out)
{
    scp_status st = SCP_OK;
    double *v = NULL, *scratch = NULL;
    int32_t *group = NULL;
    size_t n_groups = 0;
    for (size_t i = 0; i < s->n; i++)
        if ((size_t)group_of[i] >= n_groups) n_groups = (size_t)group_of[i] + 1;
    SCP_GOTO(done, scp_alloc(s->n, sizeof *v, &v));
    SCP_GOTO(done, scp_alloc(s->n, sizeof *group, &group));
    SCP_GOTO(done, scp_alloc(3 * n_groups, sizeof *scratch, &scratch));
    for (size_t c = 0; c < s->cols.n; c++) {
        size_t n = column(s, 0, c, NULL, group_of, v, group);
        scp_reduce_groups(v, group, n, n_groups, scratch, &out[c]);
    }
done:
    free(scratch);
    free(group);
    free(v);
    return st;
}

/* Columns of pseudo-count p; those that it does not enter are what `same` (NULL: none) says. */
static scp_status reduce_over(const scp_scores *s, size_t p, const uint8_t *keep,
                              const scp_reduction *same, scp_reduction *out)
{
    double *v = NULL;
    SCP_TRY(scp_alloc(2 * s->n, sizeof *v, &v));
    for (size_t c = 0; c < s->cols.n; c++) {
        if (same && !s->cols.col[c].uses_pseudo) {
            out[c] = same[c];
            continue;
        }
        size_t n = column(s, p, c, keep, NULL, v, NULL);
        scp_reduce(v, n, v + s->n, &out[c]);
    }
    free(v);
    return SCP_OK;
}

scp_status scp_scores_reduce(const scp_scores *s, const uint8_t *keep, scp_reduction *out)
{
    SCP_ARG(s && out, "scores and result are required");
    return reduce_over(s, 0, keep, NULL, out);
}

scp_status scp_scores_reduce_all(scp_scores *s)
{
    SCP_ARG(s, "scores are required");
    for (size_t p = 0; p < s->n_pseudo; p++)
        SCP_TRY(reduce_over(s, p, NULL, p ? s->all : NULL, s->all + p * s->cols.n));
    SCP_TRY(reduce_by(s, s->drug, s->by_drug));
    SCP_TRY(reduce_by(s, s->line, s->by_line));
    s->n_bad = 0;
    for (size_t i = 0; i < s->n; i++)
        s->n_bad += isnan(scp_scores_value(s, 0, i, SCP_METRIC_CLIPPED));
    return SCP_OK;
}

void scp_scores_fini(scp_scores *s)
{
    if (!s) return;
    free(s->model);
    free(s->split);
    free(s->row);
    free(s->label);
    free(s->group);
    free(s->line);
    free(s->drug);
    free(s->value);
    free(s->all);
    free(s->by_drug);
    free(s->by_line);
    free(s->ci);
    free(s->of_ceiling[0]);
    free(s->of_ceiling[1]);
    *s = (scp_scores){ 0 };
}
