/* Paired t-tests of the DEG sets on sub-bulks, see replicates.h. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/machine.h"
#include "base/mem.h"
#include "eval/replicates.h"
#include "eval/significance.h"

enum { MOST_PAIRS = 64 }; /* pairs that are used */

typedef struct work {       /* of a thread */
    double *t, *size, *lfc; /* [G] */
    uint32_t *order;        /* [G] */
    uint32_t *top;          /* [K] */
    scp_sort_scratch sort;
} work;

typedef struct job {
    const scp_dataset *d;
    const scp_scores *s;
    size_t G, K;
    int32_t *first, *count;             /* [P] sub-bulks of a profile */
    scp_bh_table table[MOST_PAIRS + 1]; /* by pairs, as needed */
    int n_threads;
    work *work;
} job;

static void job_fini(job *j)
{
    for (int i = 0; j->work && i < j->n_threads; i++) {
        work *w = &j->work[i];
        void *owned[] = { w->t, w->size, w->lfc, w->order, w->top, w->sort.key, w->sort.index };
        for (size_t k = 0; k < sizeof owned / sizeof *owned; k++) free(owned[k]);
    }
    free(j->work);
    free(j->first);
    free(j->count);
    for (int n = 0; n <= MOST_PAIRS; n++) scp_bh_table_fini(&j->table[n]);
}

static scp_status work_init(work *w, size_t G, size_t K)
{
    SCP_TRY(scp_alloc(G, sizeof *w->t, &w->t));
    SCP_TRY(scp_alloc(G, sizeof *w->size, &w->size));
    SCP_TRY(scp_alloc(G, sizeof *w->lfc, &w->lfc));
    SCP_TRY(scp_alloc(G, sizeof *w->order, &w->order));
    SCP_TRY(scp_alloc(K, sizeof *w->top, &w->top));
    SCP_TRY(scp_alloc(2 * G, sizeof *w->sort.key, &w->sort.key));
    return scp_alloc(2 * G, sizeof *w->sort.index, &w->sort.index);
}

/* Pairs of sub-bulks of the i-th condition. */
static int32_t pairs_of(const job *j, size_t i)
{
    const int32_t post = j->count[j->d->post[j->s->row[i]]],
                  pre = j->count[j->d->pre[j->s->row[i]]], n = post < pre ? post : pre;
    return n < MOST_PAIRS ? n : MOST_PAIRS;
}

static scp_status job_init(job *j, double level)
{
    const scp_dataset *d = j->d;
    SCP_TRY(scp_alloc(d->P, sizeof *j->first, &j->first));
    SCP_TRY(scp_alloc(d->P, sizeof *j->count, &j->count));
    for (size_t r = d->R; r-- > 0;) {
        j->first[d->r_profile[r]] = (int32_t)r;
        j->count[d->r_profile[r]]++;
    }
    j->n_threads = scp_omp_threads();
    SCP_TRY(scp_alloc((size_t)j->n_threads, sizeof *j->work, &j->work));
    for (int i = 0; i < j->n_threads; i++) SCP_TRY(work_init(&j->work[i], j->G, j->K));
    for (size_t i = 0; i < j->s->n; i++) {
        const int32_t n = pairs_of(j, i);
        if (n >= 2 && !j->table[n].n) SCP_TRY(scp_bh_table_init(j->G, n - 1, level, &j->table[n]));
    }
    return SCP_OK;
}

/* t of every gene. */
static void test_genes(const job *j, size_t i, int32_t n, double *t)
{
    const float *post = j->d->r_x + (size_t)j->first[j->d->post[j->s->row[i]]] * j->G,
                *pre = j->d->r_x + (size_t)j->first[j->d->pre[j->s->row[i]]] * j->G;
    for (size_t g = 0; g < j->G; g++) {
        double difference[MOST_PAIRS];
        for (int32_t k = 0; k < n; k++)
            difference[k] = (double)post[(size_t)k * j->G + g] - pre[(size_t)k * j->G + g];
        t[g] = scp_t_statistic(difference, (size_t)n);
    }
}

/* The DEG set of the i-th condition at pseudo-count e. */
static void find_top(const job *j, size_t i, double e, work *w)
{
    const float *post = j->d->x + (size_t)j->d->post[j->s->row[i]] * j->G,
                *pre = j->d->x + (size_t)j->d->pre[j->s->row[i]] * j->G;
    for (size_t g = 0; g < j->G; g++)
        w->lfc[g] = log2(((double)post[g] + e) / ((double)pre[g] + e));
    scp_top_magnitude(w->lfc, j->G, j->K, w->sort, w->top);
}

/* figures: significant genes, then the share of the DEG set for each pseudo-count. */
static void test_condition(job *j, size_t i, double *figures)
{
    const int32_t n = pairs_of(j, i);
    work *w = &j->work[scp_omp_thread()];
    for (size_t e = 0; e <= j->s->n_pseudo; e++) figures[e] = NAN;
    if (n < 2) return;
    test_genes(j, i, n, w->t);
    const double least = scp_bh_threshold(&j->table[n], w->t, w->sort, w->order, w->size);
    figures[0] = 0;
    for (size_t g = 0; g < j->G; g++) figures[0] += fabs(w->t[g]) >= least;
    for (size_t e = 0; e < j->s->n_pseudo; e++) {
        size_t significant = 0;
        find_top(j, i, j->s->pseudo[e], w);
        for (size_t k = 0; k < j->K; k++) significant += fabs(w->t[w->top[k]]) >= least;
        figures[1 + e] = (double)significant / (double)j->K;
    }
}

static scp_status tests_alloc(const job *j, double level, scp_deg_tests *out)
{
    const size_t n = j->s->n, E = j->s->n_pseudo;
    *out = (scp_deg_tests){ .level = level, .n = n, .n_pseudo = E };
    memcpy(out->pseudo, j->s->pseudo, sizeof out->pseudo);
    SCP_TRY(scp_strdup(j->s->split, &out->split));
    SCP_TRY(scp_alloc(n, sizeof *out->row, &out->row));
    SCP_TRY(scp_alloc(n, sizeof *out->pairs, &out->pairs));
    SCP_TRY(scp_alloc(n, sizeof *out->genes, &out->genes));
    SCP_TRY(scp_alloc(n * E, sizeof *out->share, &out->share));
    return scp_alloc(E, sizeof *out->reduction, &out->reduction);
}

static scp_status collect(const job *j, const double *figures, scp_deg_tests *out)
{
    const size_t n = out->n, E = out->n_pseudo;
    double *scratch = NULL;
    for (size_t i = 0; i < n; i++) {
        out->row[i] = j->s->row[i];
        out->pairs[i] = pairs_of(j, i);
        out->n_tested += out->pairs[i] >= 2;
        out->genes[i] = out->pairs[i] >= 2 ? (int32_t)figures[i * (E + 1)] : 0;
        for (size_t e = 0; e < E; e++) out->share[e * n + i] = figures[i * (E + 1) + 1 + e];
    }
    SCP_TRY(scp_alloc(n, sizeof *scratch, &scratch));
    for (size_t e = 0; e < E; e++) scp_reduce(out->share + e * n, n, scratch, &out->reduction[e]);
    free(scratch);
    return SCP_OK;
}

scp_status scp_deg_tests_run(scp_comm *comm, const scp_dataset *d, const scp_scores *s,
                             double level, scp_deg_tests *out)
{
    SCP_ARG(comm && d && s && s->n && out, "communicator, data set and scores are required");
    job j = { .d = d, .s = s, .G = d->G };
    const size_t width = s->n_pseudo + 1;
    double *mine = NULL, *all = NULL;
    size_t begin, end, total;
    scp_status st = SCP_OK;
    *out = (scp_deg_tests){ 0 };
    j.K = s->deg_k < (int64_t)d->G ? (size_t)s->deg_k : d->G;
    scp_comm_share(comm, s->n, &begin, &end);
    st = job_init(&j, level);
    if (st == SCP_OK) st = tests_alloc(&j, level, out);
    if (st == SCP_OK) st = scp_alloc((end - begin) * width, sizeof *mine, &mine);
    SCP_GOTO(done, scp_agree(comm, st));
#pragma omp parallel for schedule(dynamic)
    for (size_t i = begin; i < end; i++) test_condition(&j, i, mine + (i - begin) * width);
    SCP_GOTO(done, scp_comm_allgatherv(comm, mine, (end - begin) * width, SCP_COMM_F64,
                                       (void **)&all, &total, NULL));
    SCP_GOTO(done, scp_agree(comm, collect(&j, all, out)));
done:
    free(all);
    free(mine);
    job_fini(&j);
    if (st != SCP_OK) scp_deg_tests_fini(out);
    return st;
}

void scp_deg_tests_fini(scp_deg_tests *t)
{
    void *owned[] = { t->split, t->row, t->pairs, t->genes, t->share, t->reduction };
    for (size_t i = 0; i < sizeof owned / sizeof *owned; i++) free(owned[i]);
    *t = (scp_deg_tests){ 0 };
}
