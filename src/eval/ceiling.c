/* Noise ceilings, see replicates.h. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "eval/plan.h"
#include "eval/replicates.h"

const char *scp_ceiling_name(scp_ceiling_kind kind)
{
    static const char *const name[] = {
        [SCP_CEILING_WELL] = "within_well", [SCP_CEILING_PLATE] = "between_plate"
    };
    return kind < SCP_CEILINGS ? name[kind] : "?";
}

typedef struct source {
    const scp_dataset *d;
    int32_t *first, *count; /* [P] sub-bulks of a profile */
    scp_eval_plan plan;     /* all pairs of the data set, by label */
    int32_t *label;         /* [N] label of a pair */
    int32_t *usable;        /* [n] pairs asked for that have a ceiling */
    size_t n;
} source;

static void source_fini(source *s)
{
    free(s->first);
    free(s->count);
    free(s->label);
    free(s->usable);
    scp_eval_plan_fini(&s->plan);
}

/* Mean of the even (half 0) or odd sub-bulks of a pair's treated key, every cell weighing the same.
 */
static scp_status fill_half(const source *s, const int32_t *rows, size_t n, int half, float *out)
{
    const scp_dataset *d = s->d;
    double *sum = NULL;
    SCP_TRY(scp_alloc(d->G, sizeof *sum, &sum));
    for (size_t i = 0; i < n; i++) {
        const int32_t p = d->post[rows[i]];
        double cells = 0;
        memset(sum, 0, d->G * sizeof *sum);
        for (int32_t r = s->first[p] + half; r < s->first[p] + s->count[p]; r += 2) {
            const double w = (double)d->r_cells[r];
            const float *x = d->r_x + (size_t)r * d->G;
            for (size_t g = 0; g < d->G; g++) sum[g] += w * x[g];
            cells += w;
        }
        for (size_t g = 0; g < d->G; g++) out[i * d->G + g] = (float)(sum[g] / cells);
    }
    free(sum);
    return SCP_OK;
}

static scp_status fill_even(void *ctx, const int32_t *rows, size_t n, float *out)
{
    return fill_half(ctx, rows, n, 0, out);
}

static scp_status fill_odd(void *ctx, const int32_t *rows, size_t n, float *out)
{
    return fill_half(ctx, rows, n, 1, out);
}

/* x_pre plus the mean change of the label's pairs on other plates. */
static scp_status fill_plates(void *ctx, const int32_t *rows, size_t n, float *out)
{
    const source *s = ctx;
    const scp_dataset *d = s->d;
    double *sum = NULL;
    SCP_TRY(scp_alloc(d->G, sizeof *sum, &sum));
    for (size_t i = 0; i < n; i++) {
        const size_t l = (size_t)s->label[rows[i]];
        const float *pre = d->x + (size_t)d->pre[rows[i]] * d->G;
        double plates = 0;
        memset(sum, 0, d->G * sizeof *sum);
        for (size_t k = s->plan.label_begin[l]; k < s->plan.label_begin[l + 1]; k++) {
            const int32_t other = s->plan.row[k];
            const float *y = d->x + (size_t)d->post[other] * d->G,
                        *c = d->x + (size_t)d->pre[other] * d->G;
            if (other == rows[i]) continue;
            for (size_t g = 0; g < d->G; g++) sum[g] += (double)y[g] - c[g];
            plates++;
        }
        for (size_t g = 0; g < d->G; g++) out[i * d->G + g] = (float)(pre[g] + sum[g] / plates);
    }
    free(sum);
    return SCP_OK;
}

/* Sub-bulks by profile; a pair is usable when its treated key has two or more. */
static scp_status find_halves(source *s, const int32_t *rows, size_t n)
{
    const scp_dataset *d = s->d;
    SCP_TRY(scp_alloc(d->P, sizeof *s->first, &s->first));
    SCP_TRY(scp_alloc(d->P, sizeof *s->count, &s->count));
    for (size_t r = d->R; r-- > 0;) {
        s->first[d->r_profile[r]] = (int32_t)r;
        s->count[d->r_profile[r]]++;
    }
    for (size_t i = 0; i < n; i++)
        if (s->count[d->post[rows[i]]] >= 2) s->usable[s->n++] = rows[i];
    return SCP_OK;
}

/* Labels over all pairs; a pair is usable when its label has another. */
static scp_status find_plates(source *s, const int32_t *rows, size_t n)
{
    const size_t N = s->d->N;
    int32_t *all = NULL;
    SCP_TRY(scp_alloc(N, sizeof *s->label, &s->label));
    SCP_TRY(scp_alloc(N, sizeof *all, &all));
    for (size_t i = 0; i < N; i++) all[i] = (int32_t)i;
    scp_status st = scp_eval_plan_init(&s->plan, s->d, all, N, 1);
    free(all);
    SCP_TRY(st);
    for (size_t i = 0; i < N; i++) s->label[s->plan.row[i]] = s->plan.label[i];
    for (size_t i = 0; i < n; i++) {
        const size_t l = (size_t)s->label[rows[i]];
        if (s->plan.label_begin[l + 1] - s->plan.label_begin[l] >= 2) s->usable[s->n++] = rows[i];
    }
    return SCP_OK;
}

/* Mean over plates of what the other plates say is the mean of the plates themselves: such a
 * prediction of a label finds its own truth at distance 0, whatever the noise. */
static bool predicts_itself(const scp_scores *s, size_t i)
{
    if (i && s->label[i - 1] == s->label[i]) return true;
    return i + 1 < s->n && s->label[i + 1] == s->label[i];
}

static scp_status blank_discrimination(scp_scores *s, bool all)
{
    for (size_t p = 0; p < s->n_pseudo; p++)
        for (size_t i = 0; i < s->n; i++)
            for (size_t c = 0; c < s->cols.n; c++)
                if (s->cols.col[c].per_label && (all || predicts_itself(s, i)))
                    s->value[(p * s->n + i) * s->cols.n + c] = NAN;
    return scp_scores_reduce_all(s);
}

scp_status scp_ceiling_of_replicate(scp_scores *s)
{
    SCP_ARG(s, "scores are required");
    return blank_discrimination(s, false);
}

scp_status scp_ceiling_run(scp_ceiling_kind kind, scp_comm *comm, const scp_dataset *d,
                           const int32_t *rows, size_t n, const char *split,
                           const scp_metric_settings *s, scp_scores *out)
{
    SCP_ARG(comm && d && rows && n && split && s && out && kind < SCP_CEILINGS,
            "all arguments are required");
    const bool well = kind == SCP_CEILING_WELL;
    source from = { .d = d };
    scp_status st = SCP_OK;
    *out = (scp_scores){ 0 };
    st = scp_alloc(n, sizeof *from.usable, &from.usable);
    if (st == SCP_OK) st = well ? find_halves(&from, rows, n) : find_plates(&from, rows, n);
    SCP_GOTO(done, scp_agree(comm, st));
    if (!from.n) goto done;
    const scp_truth truth = { .fill = fill_odd, .ctx = &from };
    const scp_predictor model = { .name = scp_ceiling_name(kind),
                                  .fill = well ? fill_even : fill_plates,
                                  .ctx = &from };
    SCP_GOTO(done, scp_evaluate_against(comm, d, well ? &truth : NULL, from.usable, from.n, split,
                                        &model, 1, s, out));
    if (!well) SCP_GOTO(done, scp_agree(comm, blank_discrimination(out, true)));
done:
    source_fini(&from);
    if (st != SCP_OK) scp_scores_fini(out);
    return st;
}

static bool is_correlation(size_t c)
{
    return c <= SCP_METRIC_DELTA_SPEARMAN_DEG;
}

/* The model's reductions over the conditions that the ceiling has. */
static scp_status reduce_on(const scp_scores *ceiling, const scp_scores *model, scp_reduction *r)
{
    uint8_t *keep = NULL;
    SCP_TRY(scp_alloc(model->n, sizeof *keep, &keep));
    for (size_t i = 0, k = 0; i < model->n && k < ceiling->n; i++)
        if (model->row[i] == ceiling->row[k]) {
            keep[i] = 1;
            k++;
        }
    scp_status st = scp_scores_reduce(model, keep, r);
    free(keep);
    return st;
}

/* Mean of the correlations of a half, each stepped up to all cells. One of 0 or below stays what it
 * is: the rule is about what two halves share. */
static double stepped_up(const scp_scores *half, size_t c)
{
    double sum = 0, n = 0;
    for (size_t i = 0; i < half->n; i++) {
        const double r = scp_scores_value(half, 0, i, c);
        if (isnan(r)) continue;
        sum += r > 0 ? 2 * r / (1 + r) : r;
        n++;
    }
    return n > 0 ? sum / n : NAN;
}

/* Is a fraction of this ceiling a figure? A rank depends on what is ranked: discrimination is held
 * against that of the same labels alone. */
static bool has_fraction(const scp_scores *ceiling, const scp_scores *model, size_t c)
{
    const scp_metric_column *col = &model->cols.col[c];
    if (col->per_label && ceiling->n_labels != model->n_labels) return false;
    return col->best == 1 && c != SCP_METRIC_NORM_RATIO;
}

scp_status scp_ceiling_fractions(scp_ceiling_kind kind, const scp_scores *ceiling,
                                 const scp_scores *model, scp_of_ceiling *out)
{
    SCP_ARG(ceiling && model && out, "a ceiling and scores are required");
    scp_reduction r[SCP_METRIC_MAX] = { { 0 } };
    if (ceiling->n) SCP_TRY(reduce_on(ceiling, model, r));
    for (size_t c = 0; c < model->cols.n; c++) {
        scp_of_ceiling *o = &out[c];
        *o = (scp_of_ceiling){ .score = NAN, .half = NAN, .ceiling = NAN, .fraction = NAN };
        if (!ceiling->n) continue;
        o->n = r[c].n;
        o->score = r[c].mean;
        o->half = o->ceiling = ceiling->all[c].mean;
        if (kind == SCP_CEILING_WELL && is_correlation(c)) o->ceiling = stepped_up(ceiling, c);
        if (has_fraction(ceiling, model, c) && o->ceiling > 0)
            o->fraction = o->score / o->ceiling;
    }
    return SCP_OK;
}

scp_status scp_ceiling_apply(const scp_scores *ceiling, scp_scores *s, size_t n)
{
    SCP_ARG(ceiling && s, "ceilings and scores are required");
    scp_of_ceiling o[SCP_METRIC_MAX];
    for (size_t m = 0; m < n; m++)
        for (int k = 0; k < SCP_CEILINGS; k++) {
            if (!ceiling[k].n) continue;
            SCP_TRY(scp_ceiling_fractions((scp_ceiling_kind)k, &ceiling[k], &s[m], o));
            SCP_TRY(scp_alloc(s[m].cols.n, sizeof(double), &s[m].of_ceiling[k]));
            for (size_t c = 0; c < s[m].cols.n; c++) s[m].of_ceiling[k][c] = o[c].fraction;
        }
    return SCP_OK;
}
