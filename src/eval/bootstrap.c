/* See bootstrap.h. A resample is a count a condition, so that a mean is one pass, and a median one
 * pass over the values in order. */
#include "eval/bootstrap.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/rng.h"
#include "eval/stats.h"

static const double tail = 0.025; /* on each side */

void scp_bootstrap_draw(uint64_t seed, size_t b, size_t n, uint32_t *words, uint32_t *count)
{
    const size_t blocks = (n + 3) / 4;
    memset(count, 0, n * sizeof *count);
    scp_rng_fill_words(seed, SCP_RNG_BOOTSTRAP, b, 0, 0, blocks, words);
    for (size_t i = 0; i < n; i++) count[(uint64_t)words[i] * n >> 32]++;
}

static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

scp_interval scp_bootstrap_middle(double *v, size_t n)
{
    size_t kept = 0;
    for (size_t i = 0; i < n; i++)
        if (!isnan(v[i])) v[kept++] = v[i];
    if (!kept) return (scp_interval){ NAN, NAN };
    qsort(v, kept, sizeof *v, by_value);
    return (scp_interval){ scp_quantile(v, kept, tail), scp_quantile(v, kept, 1 - tail) };
}

/* A column: the places of its values in ascending order, without NaN and repeats of a label. */
typedef struct column {
    size_t n;
    uint32_t *place; /* [n] */
    double *value;   /* [n] ascending */
} column;

/* Mean and median of a column under counts. */
static void weigh(const column *c, const uint32_t *count, double *mean, double *median)
{
    double sum = 0;
    uint64_t total = 0, seen = 0;
    *mean = *median = NAN;
    for (size_t i = 0; i < c->n; i++) {
        sum += count[c->place[i]] * c->value[i];
        total += count[c->place[i]];
    }
    if (!total) return;
    *mean = sum / (double)total;
    for (size_t i = 0; i < c->n; i++) { /* of an even number, the mean of the middle two */
        const uint64_t before = seen;
        seen += count[c->place[i]];
        if (before < (total + 1) / 2 && seen >= (total + 1) / 2) *median = 0.5 * c->value[i];
        if (before < total / 2 + 1 && seen >= total / 2 + 1) {
            *median += 0.5 * c->value[i];
            return;
        }
    }
}

typedef struct job {
    scp_scores *s;
    size_t n_models, n_cols, n; /* of a model */
    column *column;             /* [n_models, n_cols] */
    uint32_t *place;            /* arenas of the columns */
    double *value;
    uint32_t *words, *count; /* [n + 3], [n] */
} job;

static void job_fini(job *j)
{
    free(j->column);
    free(j->place);
    free(j->value);
    free(j->words);
    free(j->count);
}

/* Values of a column in order; scratch of the sort is the caller's. */
static void fill_column(const scp_scores *s, size_t c, scp_sort_scratch sort, uint32_t *order,
                        double *v, uint32_t *from, column *out)
{
    size_t n = 0;
    for (size_t i = 0; i < s->n; i++) {
        const double x = scp_scores_value(s, 0, i, c);
        if (isnan(x) || (s->cols.col[c].per_label && i && s->label[i] == s->label[i - 1])) continue;
        from[n] = (uint32_t)i;
        v[n++] = x;
    }
    scp_argsort(v, n, sort, order);
    for (size_t i = 0; i < n; i++) {
        out->place[i] = from[order[i]];
        out->value[i] = v[order[i]];
    }
    out->n = n;
}

static scp_status job_init(job *j)
{
    const size_t n = j->n, all = j->n_models * j->n_cols;
    scp_sort_scratch sort = { NULL, NULL };
    uint32_t *order = NULL;
    double *v = NULL;
    scp_status st = SCP_OK;
    SCP_GOTO(done, scp_alloc(all, sizeof *j->column, &j->column));
    SCP_GOTO(done, scp_alloc(all * n, sizeof *j->place, &j->place));
    SCP_GOTO(done, scp_alloc(all * n, sizeof *j->value, &j->value));
    SCP_GOTO(done, scp_alloc(n + 4, sizeof *j->words, &j->words));
    SCP_GOTO(done, scp_alloc(n, sizeof *j->count, &j->count));
    SCP_GOTO(done, scp_alloc(2 * n, sizeof *sort.key, &sort.key));
    SCP_GOTO(done, scp_alloc(2 * n, sizeof *sort.index, &sort.index));
    SCP_GOTO(done, scp_alloc(2 * n, sizeof *order, &order));
    SCP_GOTO(done, scp_alloc(n, sizeof *v, &v));
    for (size_t k = 0; k < all; k++) {
        j->column[k] = (column){ .place = j->place + k * n, .value = j->value + k * n };
        fill_column(&j->s[k / j->n_cols], k % j->n_cols, sort, order, v, order + n, &j->column[k]);
    }
done:
    free(v);
    free(order);
    free(sort.index);
    free(sort.key);
    return st;
}

/* figures [resamples of this rank, columns of all models, 2] */
static void resample(job *j, int64_t seed, size_t begin, size_t end, double *figures)
{
    const size_t all = j->n_models * j->n_cols;
    for (size_t b = begin; b < end; b++) {
        scp_bootstrap_draw((uint64_t)seed, b, j->n, j->words, j->count);
        for (size_t k = 0; k < all; k++, figures += 2)
            weigh(&j->column[k], j->count, &figures[0], &figures[1]);
    }
}

static scp_status put_intervals(const job *j, const double *figures, size_t resamples)
{
    const size_t all = j->n_models * j->n_cols;
    double *v = NULL;
    SCP_TRY(scp_alloc(resamples, sizeof *v, &v));
    for (size_t k = 0; k < all; k++)
        for (size_t f = 0; f < 2; f++) {
            scp_confidence *ci = &j->s[k / j->n_cols].ci[k % j->n_cols];
            for (size_t b = 0; b < resamples; b++) v[b] = figures[(b * all + k) * 2 + f];
            *(f ? &ci->median : &ci->mean) = scp_bootstrap_middle(v, resamples);
        }
    free(v);
    return SCP_OK;
}

scp_status scp_bootstrap(scp_comm *comm, scp_scores *s, size_t n, int64_t resamples, int64_t seed)
{
    SCP_ARG(comm && s && n, "communicator and scores are required");
    if (resamples < 1 || !s->n) return SCP_OK;
    job j = { .s = s, .n_models = n, .n_cols = s->cols.n, .n = s->n };
    const size_t width = n * s->cols.n * 2;
    double *mine = NULL, *all = NULL;
    size_t begin, end, total;
    scp_comm_share(comm, (size_t)resamples, &begin, &end);
    scp_status st = job_init(&j);
    for (size_t m = 0; m < n && st == SCP_OK; m++) {
        st = scp_alloc(s->cols.n, sizeof *s[m].ci, &s[m].ci);
        s[m].resamples = resamples;
    }
    if (st == SCP_OK) st = scp_alloc((end - begin) * width, sizeof *mine, &mine);
    SCP_GOTO(done, scp_agree(comm, st));
    resample(&j, seed, begin, end, mine);
    SCP_GOTO(done, scp_comm_allgatherv(comm, mine, (end - begin) * width, SCP_COMM_F64,
                                       (void **)&all, &total, NULL));
    SCP_GOTO(done, scp_agree(comm, put_intervals(&j, all, (size_t)resamples)));
done:
    free(all);
    free(mine);
    job_fini(&j);
    return st;
}
