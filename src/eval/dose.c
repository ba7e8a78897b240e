/* Dose behaviour, see dose.h. */
#include "eval/dose.h"

#include <math.h>
#include <stdlib.h>

#include "base/fs.h"
#include "base/mem.h"
#include "eval/stats.h"

/* One dose of a group: mean sizes over its plates. */
typedef struct dose_point {
    double dose, size, truth;
} dose_point;

/* Room for the doses of one group. */
typedef struct work {
    dose_point *point;
    double *a, *b, *rank; /* sizes, places of the doses, ranks of the sizes */
    uint32_t *order;
    scp_sort_scratch sort;
} work;

static scp_status work_alloc(size_t n, work *w)
{
    *w = (work){ 0 };
    SCP_TRY(scp_alloc(n, sizeof *w->point, &w->point));
    SCP_TRY(scp_alloc(n, sizeof *w->a, &w->a));
    SCP_TRY(scp_alloc(n, sizeof *w->b, &w->b));
    SCP_TRY(scp_alloc(n, sizeof *w->rank, &w->rank));
    SCP_TRY(scp_alloc(n, sizeof *w->order, &w->order));
    SCP_TRY(scp_alloc(2 * n, sizeof *w->sort.key, &w->sort.key));
    return scp_alloc(2 * n, sizeof *w->sort.index, &w->sort.index);
}

static void work_free(work *w)
{
    free(w->point);
    free(w->a);
    free(w->b);
    free(w->rank);
    free(w->order);
    free(w->sort.key);
    free(w->sort.index);
}

/* Points of the conditions [begin, end), which are ordered by dose. Returns their number. */
static size_t points(const scp_scores *s, const scp_dataset *d, size_t begin, size_t end, work *w)
{
    size_t n = 0, plates = 0;
    for (size_t i = begin; i < end; i++) {
        double dose = d->p_dose[d->post[s->row[i]]];
        if (n == 0 || w->point[n - 1].dose != dose) {
            w->point[n++] = (dose_point){ .dose = dose };
            plates = 0;
        }
        dose_point *p = &w->point[n - 1];
        plates++;
        p->size += (scp_scores_value(s, 0, i, SCP_METRIC_EFFECT) - p->size) / (double)plates;
        p->truth += (scp_scores_value(s, 0, i, SCP_METRIC_EFFECT_TRUE) - p->truth) / (double)plates;
    }
    return n;
}

/* Rank correlation with the dose, which rises: w->a holds the sizes. */
static double spearman(work *w, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (isnan(w->a[i])) return NAN;
        w->b[i] = (double)i;
    }
    scp_average_ranks(w->a, n, w->sort, w->order, w->rank);
    return scp_pearson(w->rank, w->b, n);
}

/* 1 when x rises from a to b, 0 when it falls, 1/2 on a tie. */
static double rises(double a, double b)
{
    return isnan(a) || isnan(b) ? NAN : b > a ? 1 : b < a ? 0 : 0.5;
}

static double rising(const work *w, size_t n)
{
    double sum = 0;
    for (size_t i = 1; i < n; i++) sum += rises(w->a[i - 1], w->a[i]);
    return sum / (double)(n - 1);
}

static double agreement(const work *w, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < i; j++) {
            double pred = rises(w->point[j].size, w->point[i].size),
                   truth = rises(w->point[j].truth, w->point[i].truth);
            sum += pred == 0.5 && truth == 0.5 ? 1 : 1 - fabs(pred - truth);
        }
    return sum / ((double)n * (double)(n - 1) / 2);
}

static void measure(work *w, size_t n, scp_dose_group *g)
{
    g->n_doses = n;
    for (size_t i = 0; i < n; i++) w->a[i] = w->point[i].size;
    g->spearman = spearman(w, n);
    g->rising = rising(w, n);
    for (size_t i = 0; i < n; i++) w->a[i] = w->point[i].truth;
    g->spearman_true = spearman(w, n);
    g->rising_true = rising(w, n);
    g->order = agreement(w, n);
}

scp_status scp_dose_groups(const scp_scores *s, const scp_dataset *d, scp_dose_group **out,
                           size_t *n)
{
    work w = { 0 };
    scp_status st = SCP_OK;
    *n = 0;
    *out = NULL;
    SCP_GOTO(done, scp_alloc(s->n, sizeof **out, out));
    SCP_GOTO(done, work_alloc(s->n, &w));
    for (size_t begin = 0, end; begin < s->n; begin = end) {
        for (end = begin + 1;
             end < s->n && s->line[end] == s->line[begin] && s->drug[end] == s->drug[begin];)
            end++;
        size_t doses = points(s, d, begin, end, &w);
        if (doses < 2) continue;
        (*out)[*n] = (scp_dose_group){ .line = s->line[begin], .drug = s->drug[begin] };
        measure(&w, doses, &(*out)[(*n)++]);
    }
done:
    work_free(&w);
    return st;
}

/* Mean of one figure over the groups that have it. */
static double mean_of(const scp_dose_group *g, size_t n, size_t offset)
{
    double sum = 0;
    size_t count = 0;
    for (size_t i = 0; i < n; i++) {
        double v = *(const double *)((const char *)&g[i] + offset);
        if (isnan(v)) continue;
        sum += v;
        count++;
    }
    return count ? sum / (double)count : NAN;
}

scp_status scp_dose_summarise(scp_scores *s, const scp_dataset *d)
{
    scp_dose_group *g = NULL;
    size_t n;
    scp_status st = scp_dose_groups(s, d, &g, &n);
    if (st == SCP_OK)
        s->dose = (scp_dose_summary){
            .n = n,
            .spearman = mean_of(g, n, offsetof(scp_dose_group, spearman)),
            .spearman_true = mean_of(g, n, offsetof(scp_dose_group, spearman_true)),
            .rising = mean_of(g, n, offsetof(scp_dose_group, rising)),
            .rising_true = mean_of(g, n, offsetof(scp_dose_group, rising_true)),
            .order = mean_of(g, n, offsetof(scp_dose_group, order)),
        };
    free(g);
    return st;
}

static scp_status add_groups(scp_strbuf *b, const scp_scores *s, const scp_dataset *d)
{
    scp_dose_group *g = NULL;
    size_t n;
    scp_status st = scp_dose_groups(s, d, &g, &n);
    for (size_t i = 0; st == SCP_OK && i < n; i++) {
        const double v[] = { g[i].spearman, g[i].spearman_true, g[i].rising, g[i].rising_true,
                             g[i].order };
        char text[SCP_REAL_TEXT];
        st = scp_strbuf_addf(b, "%s\t%s\t%s\t%s\t%zu", s->model, s->split, d->line[g[i].line],
                             d->drug[g[i].drug], g[i].n_doses);
        for (size_t k = 0; st == SCP_OK && k < sizeof v / sizeof v[0]; k++)
            st = scp_strbuf_addf(b, "\t%s", scp_print_real(v[k], text));
        if (st == SCP_OK) st = scp_strbuf_addn(b, "\n", 1);
    }
    free(g);
    return st;
}

scp_status scp_scores_write_dose(const scp_scores *s, size_t n, const scp_dataset *d,
                                 const char *path)
{
    SCP_ARG(s && n && d && path, "scores, data set and path are required");
    scp_strbuf b = { 0 };
    scp_status st = SCP_OK;
    SCP_GOTO(done, scp_strbuf_addf(&b, "model\tsplit\tcell_line\tdrug\tdoses\tspearman\t"
                                       "spearman_true\trising\trising_true\torder\n"));
    for (size_t m = 0; m < n; m++) SCP_GOTO(done, add_groups(&b, &s[m], d));
    SCP_GOTO(done, scp_fs_write_text(path, b.text, b.len));
done:
    scp_strbuf_fini(&b);
    return st;
}
