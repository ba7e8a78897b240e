/* Mechanisms in an embedding, see moa.h. */
#include "eval/moa.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/rng.h"

#define AT(member) offsetof(scp_moa_settings, member)

const scp_option scp_moa_options[] = {
    { .key = "moa.k",
      .type = SCP_OPT_INT,
      .offset = AT(k),
      .def = "5",
      .min = 1,
      .max = 1e6,
      .help = "Nearest neighbours of the purity." },
    { .key = "moa.permutations",
      .type = SCP_OPT_INT,
      .offset = AT(permutations),
      .def = "1000",
      .min = 10,
      .max = 1e6,
      .help = "Permutations of the mechanisms in the null." },
    { .key = "moa.min_class",
      .type = SCP_OPT_INT,
      .offset = AT(min_class),
      .def = "3",
      .min = 2,
      .max = 1e6,
      .unit = "drugs",
      .help = "Drugs that a mechanism needs to take part." },
    { .key = "moa.seed",
      .type = SCP_OPT_INT,
      .offset = AT(seed),
      .def = "1",
      .min = 0,
      .max = 9e15,
      .help = "Seed of the permutations." },
    { .key = "moa.dose",
      .type = SCP_OPT_REAL,
      .offset = AT(dose),
      .def = "1",
      .min = 0,
      .max = 1e6,
      .unit = "uM",
      .help = "Dose at which the vectors of the drugs are compared." },
    { .key = NULL },
};

void scp_distances(const float *x, size_t n, size_t dim, double *dist)
{
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j <= i; j++) {
            double sum = 0;
            for (size_t c = 0; c < dim; c++) {
                double step = (double)x[i * dim + c] - (double)x[j * dim + c];
                sum += step * step;
            }
            dist[i * n + j] = dist[j * n + i] = sqrt(sum);
        }
}

/* The k nearest other rows of row i: near [k]. */
static void nearest_of(const double *dist, size_t n, size_t i, size_t k, size_t *near)
{
    size_t have = 0;
    for (size_t j = 0; j < n; j++) {
        double d = dist[i * n + j];
        if (j == i || (have == k && !(d < dist[i * n + near[k - 1]]))) continue;
        size_t at = have < k ? have++ : k - 1;
        for (; at > 0 && d < dist[i * n + near[at - 1]]; at--) near[at] = near[at - 1];
        near[at] = j;
    }
}

static double purity_of(const size_t *near, const int32_t *label, size_t n, size_t k)
{
    size_t same = 0;
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < k; j++) same += label[near[i * k + j]] == label[i];
    return (double)same / (double)(n * k);
}

double scp_knn_purity(const double *dist, const int32_t *label, size_t n, size_t k)
{
    size_t *near = NULL;
    double purity = NAN;
    if (n < 2 || k < 1 || k >= n || scp_alloc(n * k, sizeof *near, &near) != SCP_OK) return NAN;
    for (size_t i = 0; i < n; i++) nearest_of(dist, n, i, k, near + i * k);
    purity = purity_of(near, label, n, k);
    free(near);
    return purity;
}

/* sum [n_classes] and count [n_classes] are scratch. */
static double silhouette_of(const double *dist, const int32_t *label, size_t n, size_t n_classes,
                            const size_t *count, double *sum)
{
    double total = 0;
    for (size_t i = 0; i < n; i++) {
        size_t own = (size_t)label[i];
        double b = INFINITY;
        if (count[own] < 2) continue; /* 0 */
        memset(sum, 0, n_classes * sizeof *sum);
        for (size_t j = 0; j < n; j++) sum[label[j]] += dist[i * n + j];
        double a = sum[own] / (double)(count[own] - 1);
        for (size_t c = 0; c < n_classes; c++)
            if (c != own && count[c]) b = fmin(b, sum[c] / (double)count[c]);
        if (fmax(a, b) > 0) total += (b - a) / fmax(a, b);
    }
    return total / (double)n;
}

static void count_classes(const int32_t *label, size_t n, size_t *count)
{
    for (size_t i = 0; i < n; i++) count[label[i]]++;
}

scp_status scp_silhouette(const double *dist, const int32_t *label, size_t n, size_t n_classes,
                          double *out)
{
    size_t *count = NULL;
    double *sum = NULL;
    SCP_ARG(dist && label && n && n_classes && out, "distances and labels are required");
    scp_status st = scp_alloc(n_classes, sizeof *count, &count);
    if (st == SCP_OK) st = scp_alloc(n_classes, sizeof *sum, &sum);
    if (st == SCP_OK) {
        count_classes(label, n, count);
        *out = silhouette_of(dist, label, n, n_classes, count, sum);
    }
    free(count);
    free(sum);
    return st;
}

/* The drugs that take part. */
typedef struct chosen {
    size_t n, n_classes, dim, k;
    float *x;       /* [n, dim] */
    int32_t *label; /* [n] classes from 0 */
    int32_t *mixed; /* [n] permuted */
    double *dist;   /* [n, n] */
    size_t *near;   /* [n, k] */
    size_t *count;  /* [n_classes] */
    double *sum;    /* [n_classes] */
} chosen;

static void chosen_fini(chosen *c)
{
    free(c->x);
    free(c->label);
    free(c->mixed);
    free(c->dist);
    free(c->near);
    free(c->count);
    free(c->sum);
}

/* Number the classes of at least min_class drugs: class [n_labels] becomes their number or -1. */
static size_t number_classes(const int32_t *label, size_t n, int64_t min_class, int32_t *class,
                             size_t n_labels)
{
    int32_t next = 0;
    for (size_t i = 0; i < n; i++)
        if (label[i] >= 0) class[label[i]]++;
    for (size_t c = 0; c < n_labels; c++) class[c] = class[c] >= min_class ? next++ : -1;
    return (size_t)next;
}

static scp_status choose_drugs(const float *x, const int32_t *label, size_t n, size_t dim,
                               const scp_moa_settings *s, chosen *c)
{
    int32_t most = -1, *class = NULL;
    scp_status st = SCP_OK;
    for (size_t i = 0; i < n; i++) most = label[i] > most ? label[i] : most;
    SCP_TRY(scp_alloc((size_t)(most + 1), sizeof *class, &class));
    c->dim = dim;
    c->n_classes = number_classes(label, n, s->min_class, class, (size_t)(most + 1));
    SCP_GOTO(done, scp_alloc(n * dim, sizeof *c->x, &c->x));
    SCP_GOTO(done, scp_alloc(n, sizeof *c->label, &c->label));
    for (size_t i = 0; i < n; i++) {
        if (label[i] < 0 || class[label[i]] < 0) continue;
        memcpy(c->x + c->n * dim, x + i * dim, dim * sizeof *x);
        c->label[c->n++] = class[label[i]];
    }
    if (c->n_classes < 2)
        SCP_FAIL_GOTO(
            done, SCP_EDATA,
            "%zu mechanisms have %lld drugs or more (moa.min_class): at least 2 are needed",
            c->n_classes, (long long)s->min_class);
    for (size_t i = 0; i < c->n * dim; i++)
        if (!isfinite(c->x[i]))
            SCP_FAIL_GOTO(done, SCP_EDATA, "the embedding of the drugs is not finite");
done:
    free(class);
    return st;
}

static scp_status measure(const scp_moa_settings *s, chosen *c)
{
    c->k = (size_t)s->k < c->n - 1 ? (size_t)s->k : c->n - 1;
    SCP_TRY(scp_alloc(c->n * c->n, sizeof *c->dist, &c->dist));
    SCP_TRY(scp_alloc(c->n * c->k, sizeof *c->near, &c->near));
    SCP_TRY(scp_alloc(c->n, sizeof *c->mixed, &c->mixed));
    SCP_TRY(scp_alloc(c->n_classes, sizeof *c->count, &c->count));
    SCP_TRY(scp_alloc(c->n_classes, sizeof *c->sum, &c->sum));
    scp_distances(c->x, c->n, c->dim, c->dist);
    for (size_t i = 0; i < c->n; i++) nearest_of(c->dist, c->n, i, c->k, c->near + i * c->k);
    count_classes(c->label, c->n, c->count);
    return SCP_OK;
}

/* Add one value of the null: Welford's sums and how many reach the value. */
static void add_null(scp_moa_figure *f, size_t i, double v)
{
    double step = v - f->null_mean;
    f->null_mean += step / (double)(i + 1);
    f->null_sd += step * (v - f->null_mean);
    f->p += v >= f->value;
}

static void end_null(scp_moa_figure *f, size_t n)
{
    f->null_sd = sqrt(f->null_sd / (double)(n - 1));
    f->p = (1 + f->p) / (1 + (double)n);
}

/* The labels in a random order. */
static void permute(const scp_moa_settings *s, size_t round, chosen *c)
{
    for (size_t j = 0; j < c->n; j++)
        c->mixed[j] =
            c->label[scp_rng_permute((uint64_t)s->seed, SCP_RNG_PERMUTE_LABELS, round, c->n, j)];
}

scp_status scp_moa_score(const float *x, const int32_t *label, size_t n, size_t dim,
                         const scp_moa_settings *s, scp_moa_result *out)
{
    SCP_ARG(x && label && s && out, "embedding, labels and settings are required");
    chosen c = { 0 };
    scp_status st = SCP_OK;
    *out = (scp_moa_result){ 0 };
    SCP_GOTO(done, choose_drugs(x, label, n, dim, s, &c));
    SCP_GOTO(done, measure(s, &c));
    out->n = c.n;
    out->n_classes = c.n_classes;
    out->k = (int64_t)c.k;
    out->purity.value = purity_of(c.near, c.label, c.n, c.k);
    out->silhouette.value = silhouette_of(c.dist, c.label, c.n, c.n_classes, c.count, c.sum);
    for (size_t i = 0; i < (size_t)s->permutations; i++) {
        permute(s, i, &c);
        add_null(&out->purity, i, purity_of(c.near, c.mixed, c.n, c.k));
        add_null(&out->silhouette, i,
                 silhouette_of(c.dist, c.mixed, c.n, c.n_classes, c.count, c.sum));
    }
    end_null(&out->purity, (size_t)s->permutations);
    end_null(&out->silhouette, (size_t)s->permutations);
done:
    chosen_fini(&c);
    return st;
}
