/* Scoring models over conditions on all ranks: predict a block, score it, gather, reduce. */
#include "eval/evaluate.h"

#include <math.h>
#include <string.h>

#include "base/machine.h"
#include "base/mem.h"
#include "eval/discriminate.h"
#include "eval/dose.h"
#include "eval/export.h"
#include "eval/plan.h"

typedef struct job {
    scp_comm *comm;
    const scp_dataset *d;
    const scp_metric_settings *set;
    const scp_predictor *model;
    const scp_truth *truth; /* NULL: the treated profiles */
    size_t n_models, n_pseudo, G;
    double pseudo[SCP_PSEUDO_MAX];
    scp_metric_columns cols;
    scp_eval_plan plan;
    size_t row_size;        /* n_models * n_pseudo * cols.n: figures of a condition */
    size_t mine;            /* conditions of this rank */
    double *value;          /* [mine, n_models, n_pseudo, cols.n] */
    float *pred;            /* [n_models, max_block, G] */
    float *post;            /* [max_block, G] what the predictions are held against, with a truth */
    float **sd;             /* [n_models] spread [max_block, G], NULL of a model without one */
    scp_coverage *coverage; /* [n_models] */
    double *noise;          /* [G] variance of genes between cells */
    int n_threads;
    scp_pair **pair; /* [n_threads] */
    scp_discriminate *labels;
    scp_pds_scores *pds; /* [max_block * n_models] */
} job;

static const float *profile(const job *j, int32_t p)
{
    return j->d->x + (size_t)p * j->G;
}

static double *figures(const job *j, size_t at, size_t model, size_t pseudo)
{
    return j->value + at * j->row_size + (model * j->n_pseudo + pseudo) * j->cols.n;
}

static void job_fini(job *j)
{
    for (int i = 0; j->pair && i < j->n_threads; i++) scp_pair_destroy(&j->pair[i]);
    free(j->pair);
    for (size_t m = 0; j->sd && m < j->n_models; m++) free(j->sd[m]);
    free(j->sd);
    free(j->coverage);
    free(j->noise);
    free(j->value);
    free(j->pred);
    free(j->post);
    scp_discriminate_destroy(&j->labels);
    free(j->pds);
    scp_eval_plan_fini(&j->plan);
}

static void count_mine(job *j)
{
    const int rank = scp_comm_rank(j->comm), size = scp_comm_size(j->comm);
    for (size_t b = 0; b < j->plan.n_blocks; b++) {
        size_t begin, end;
        scp_eval_plan_block(&j->plan, b, &begin, &end);
        if (scp_eval_plan_owner(b, size) == rank) j->mine += end - begin;
    }
}

/* The setting, then those of the study that are not in the list yet. */
static void list_pseudo_counts(job *j)
{
    j->pseudo[j->n_pseudo++] = j->set->pseudo;
    for (size_t i = 0; i < j->set->pseudo_study.n; i++) {
        bool known = false;
        for (size_t k = 0; k < j->n_pseudo; k++) known |= j->pseudo[k] == j->set->pseudo_study.v[i];
        if (!known) j->pseudo[j->n_pseudo++] = j->set->pseudo_study.v[i];
    }
}

static scp_status pds_init(job *j)
{
    SCP_TRY(scp_alloc(j->plan.max_block * j->n_models, sizeof *j->pds, &j->pds));
    return scp_discriminate_create(j->d, &j->plan, j->truth, j->n_models, &j->labels);
}

/* Room for the spreads of the models that have one; coverage is that of observations, so there is
 * none with a truth. */
static scp_status init_spreads(job *j)
{
    bool any = false;
    SCP_TRY(scp_alloc(j->n_models, sizeof *j->sd, &j->sd));
    SCP_TRY(scp_alloc(j->n_models, sizeof *j->coverage, &j->coverage));
    for (size_t m = 0; m < j->n_models; m++) {
        if (!j->model[m].spread || j->truth) continue;
        any = true;
        j->coverage[m].samples = (int64_t)j->model[m].samples;
        SCP_TRY(scp_alloc(j->plan.max_block * j->G, sizeof **j->sd, &j->sd[m]));
    }
    if (!any) return SCP_OK;
    SCP_TRY(scp_alloc(j->G, sizeof *j->noise, &j->noise));
    scp_coverage_noise(j->d, j->noise);
    return SCP_OK;
}

static scp_status job_init(job *j, const int32_t *rows, size_t n)
{
    SCP_TRY(scp_metric_settings_check(j->set));
    SCP_TRY(scp_eval_plan_init(&j->plan, j->d, rows, n, (size_t)j->set->block));
    scp_metric_columns_init(j->set, j->G, &j->cols);
    list_pseudo_counts(j);
    j->row_size = j->n_models * j->n_pseudo * j->cols.n;
    j->n_threads = scp_omp_threads();
    count_mine(j);
    SCP_TRY(scp_alloc(j->mine * j->row_size, sizeof *j->value, &j->value));
    SCP_TRY(scp_alloc(j->n_models * j->plan.max_block * j->G, sizeof *j->pred, &j->pred));
    if (j->truth) SCP_TRY(scp_alloc(j->plan.max_block * j->G, sizeof *j->post, &j->post));
    SCP_TRY(scp_alloc((size_t)j->n_threads, sizeof(scp_pair *), &j->pair));
    for (int i = 0; i < j->n_threads; i++)
        SCP_TRY(scp_pair_create(j->G, j->pseudo, j->n_pseudo, j->set, &j->pair[i]));
    SCP_TRY(init_spreads(j));
    return j->set->pds ? pds_init(j) : SCP_OK;
}

static bool usable(const float *x, size_t G)
{
    for (size_t g = 0; g < G; g++)
        if (!(x[g] >= 0) || isinf(x[g])) return false;
    return true;
}

/* What the i-th condition of the plan is held against; `begin` is the first of its block. */
static const float *post_of(const job *j, size_t i, size_t begin)
{
    if (j->truth) return j->post + (i - begin) * j->G;
    return profile(j, j->d->post[j->plan.row[i]]);
}

/* The truth of a block, where the treated profiles are not. */
static scp_status fill_truth(job *j, size_t begin, size_t end)
{
    if (!j->truth) return SCP_OK;
    return j->truth->fill(j->truth->ctx, j->plan.row + begin, end - begin, j->post);
}

/* Profiles of the block must be finite and not negative. */
static scp_status check_truth(const job *j, size_t begin, size_t end)
{
    const scp_dataset *d = j->d;
    size_t bad = end;
#pragma omp parallel for schedule(static) reduction(min : bad)
    for (size_t i = begin; i < end; i++)
        if (i < bad && (!usable(post_of(j, i, begin), j->G) ||
                        !usable(profile(j, d->pre[j->plan.row[i]]), j->G)))
            bad = i;
    if (bad == end) return SCP_OK;
    int32_t p = d->post[j->plan.row[bad]];
    SCP_FAIL(SCP_EDATA,
             "profile of %s, %s %g uM, plate %s, or its control, has a value below 0 or not "
             "finite: scores need log1p expression",
             d->line[d->p_line[p]], d->drug[d->p_drug[p]], d->p_dose[p], d->plate[d->p_plate[p]]);
}

/* Metrics of the conditions [begin, end); their figures start at place `at`. */
static void score_conditions(job *j, size_t begin, size_t end, size_t at)
{
#pragma omp parallel for schedule(dynamic)
    for (size_t i = begin; i < end; i++) {
        scp_pair *pair = j->pair[scp_omp_thread()];
        scp_pair_truth(pair, post_of(j, i, begin), profile(j, j->d->pre[j->plan.row[i]]));
        for (size_t m = 0; m < j->n_models; m++)
            (void)scp_pair_score(pair, j->pred + (m * j->plan.max_block + i - begin) * j->G,
                                 figures(j, at + i - begin, m, 0));
    }
}

/* Discrimination scores of the labels of a block into the figures of each of their plates. */
static scp_status score_labels(job *j, size_t block, size_t begin, size_t at)
{
    const scp_eval_plan *p = &j->plan;
    const size_t first = p->block_begin[block], end = p->block_begin[block + 1];
    SCP_TRY(scp_discriminate_block(j->labels, block, j->pred, j->pds));
    for (size_t l = first; l < end; l++)
        for (size_t i = p->label_begin[l]; i < p->label_begin[l + 1]; i++)
            for (size_t m = 0; m < j->n_models; m++)
                for (size_t e = 0; e < j->n_pseudo; e++) {
                    const scp_pds_scores *s = &j->pds[(l - first) * j->n_models + m];
                    double *out = figures(j, at + i - begin, m, e);
                    out[SCP_METRIC_PDS_L1] = s->l1;
                    out[SCP_METRIC_PDS_L2] = s->l2;
                    out[SCP_METRIC_PDS_COSINE] = s->cosine;
                    out[SCP_METRIC_PDS_COSINE_MID] = s->cosine_mid;
                }
    return SCP_OK;
}

/* The spread of model m, if it has one, and how many values its intervals hold. */
static scp_status measure_spread(job *j, size_t m, size_t begin, size_t end)
{
    if (!j->sd[m]) return SCP_OK;
    SCP_TRY(j->model[m].spread(j->model[m].ctx, j->plan.row + begin, end - begin, j->sd[m]));
    for (size_t i = begin; i < end; i++)
        scp_coverage_add(&j->coverage[m], j->d, j->plan.row[i],
                         j->pred + (m * j->plan.max_block + i - begin) * j->G,
                         j->sd[m] + (i - begin) * j->G, j->noise, j->set->pseudo);
    return SCP_OK;
}

static scp_status score_block(job *j, size_t block, size_t at)
{
    size_t begin, end;
    scp_eval_plan_block(&j->plan, block, &begin, &end);
    SCP_TRY(fill_truth(j, begin, end));
    SCP_TRY(check_truth(j, begin, end));
    for (size_t m = 0; m < j->n_models; m++) {
        SCP_TRY(j->model[m].fill(j->model[m].ctx, j->plan.row + begin, end - begin,
                                 j->pred + m * j->plan.max_block * j->G));
        SCP_TRY(measure_spread(j, m, begin, end));
    }
    score_conditions(j, begin, end, at);
    if (j->set->pds) SCP_TRY(score_labels(j, block, begin, at));
    return SCP_OK;
}

/* All blocks of this rank, round by round: the ranks agree each time, so that a failure of one ends
 * all at once, and not after the hours of the others. */
static scp_status score_all(job *j)
{
    const size_t rank = (size_t)scp_comm_rank(j->comm), size = (size_t)scp_comm_size(j->comm);
    scp_status st = SCP_OK, mine = SCP_OK;
    scp_export *files = NULL;
    SCP_TRY(scp_export_begin(j->comm, j->d, &j->plan, j->model, j->n_models, &files));
    for (size_t round = 0, at = 0; round * size < j->plan.n_blocks; round++) {
        size_t block = round * size + rank, begin, end;
        if (block < j->plan.n_blocks) {
            mine = score_block(j, block, at);
            scp_eval_plan_block(&j->plan, block, &begin, &end);
            at += end - begin;
        }
        SCP_GOTO(done, scp_agree(j->comm, mine));
        if (files) SCP_GOTO(done, scp_export_round(files, round, j->pred, j->sd));
    }
    SCP_GOTO(done, scp_export_end(&files));
done:
    scp_export_abort(&files);
    return st;
}

static scp_status scores_alloc(const job *j, size_t m, const char *split, scp_scores *s)
{
    const scp_eval_plan *p = &j->plan;
    *s = (scp_scores){ .G = j->G,
                       .n = p->n,
                       .n_labels = p->n_labels,
                       .cols = j->cols,
                       .deg_k = j->set->deg_k,
                       .n_pseudo = j->n_pseudo };
    memcpy(s->pseudo, j->pseudo, sizeof s->pseudo);
    SCP_TRY(scp_strdup(j->model[m].name, &s->model));
    SCP_TRY(scp_strdup(split, &s->split));
    SCP_TRY(scp_alloc(p->n, sizeof *s->row, &s->row));
    SCP_TRY(scp_alloc(p->n, sizeof *s->label, &s->label));
    SCP_TRY(scp_alloc(p->n, sizeof *s->group, &s->group));
    SCP_TRY(scp_alloc(p->n, sizeof *s->line, &s->line));
    SCP_TRY(scp_alloc(p->n, sizeof *s->drug, &s->drug));
    SCP_TRY(scp_alloc(j->n_pseudo * p->n * j->cols.n, sizeof *s->value, &s->value));
    SCP_TRY(scp_alloc(j->n_pseudo * j->cols.n, sizeof *s->all, &s->all));
    SCP_TRY(scp_alloc(j->cols.n, sizeof *s->by_drug, &s->by_drug));
    SCP_TRY(scp_alloc(j->cols.n, sizeof *s->by_line, &s->by_line));
    for (size_t i = 0; i < p->n; i++) {
        size_t l = (size_t)p->label[i];
        int32_t post = j->d->post[p->row[i]];
        s->row[i] = p->row[i];
        s->label[i] = p->label[i];
        s->group[i] = (int32_t)(p->line_end[l] - p->line_begin[l]);
        s->line[i] = j->d->p_line[post];
        s->drug[i] = j->d->p_drug[post];
    }
    return SCP_OK;
}

/* Gathered figures, rank after rank in the order of each rank's blocks, to the order of the plan.
 */
static void place(const job *j, const double *gathered, scp_scores *out)
{
    const int size = scp_comm_size(j->comm);
    for (int rank = 0; rank < size; rank++)
        for (size_t b = (size_t)rank; b < j->plan.n_blocks; b += (size_t)size) {
            size_t begin, end;
            scp_eval_plan_block(&j->plan, b, &begin, &end);
            for (size_t i = begin; i < end; i++)
                for (size_t m = 0; m < j->n_models; m++)
                    for (size_t e = 0; e < j->n_pseudo; e++) {
                        memcpy(out[m].value + (e * j->plan.n + i) * j->cols.n, gathered,
                               j->cols.n * sizeof *gathered);
                        gathered += j->cols.n;
                    }
        }
}

static scp_status collect(job *j, const char *split, scp_scores *out)
{
    double *gathered = NULL;
    size_t total = 0;
    scp_status st = SCP_OK;
    for (size_t m = 0; m < j->n_models && st == SCP_OK; m++)
        st = scores_alloc(j, m, split, &out[m]);
    SCP_TRY(scp_agree(j->comm, st));
    SCP_TRY(scp_comm_allgatherv(j->comm, j->value, j->mine * j->row_size, SCP_COMM_F64,
                                (void **)&gathered, &total, NULL));
    place(j, gathered, out);
    free(gathered);
    for (size_t m = 0; m < j->n_models; m++) {
        out[m].coverage = j->coverage[m];
        if (j->model[m].spread) SCP_TRY(scp_coverage_sum(&out[m].coverage, j->comm));
    }
    for (size_t m = 0; m < j->n_models && st == SCP_OK; m++) {
        st = scp_scores_reduce_all(&out[m]);
        if (st == SCP_OK) st = scp_dose_summarise(&out[m], j->d);
    }
    return scp_agree(j->comm, st);
}

scp_status scp_evaluate_against(scp_comm *comm, const scp_dataset *d, const scp_truth *truth,
                                const int32_t *rows, size_t n, const char *split,
                                const scp_predictor *model, size_t n_models,
                                const scp_metric_settings *s, scp_scores *out)
{
    SCP_ARG(comm && d && split && model && n_models && s && out, "all arguments are required");
    memset(out, 0, n_models * sizeof *out);
    job j = { .comm = comm, .d = d, .set = s, .model = model, .n_models = n_models, .G = d->G };
    j.truth = truth;
    scp_status st = scp_agree(comm, job_init(&j, rows, n));
    if (st != SCP_OK) goto done;
    SCP_GOTO(done, score_all(&j));
    SCP_GOTO(done, collect(&j, split, out));
done:
    job_fini(&j);
    for (size_t m = 0; st != SCP_OK && m < n_models; m++) scp_scores_fini(&out[m]);
    return st;
}

scp_status scp_evaluate(scp_comm *comm, const scp_dataset *d, const int32_t *rows, size_t n,
                        const char *split, const scp_predictor *model, size_t n_models,
                        const scp_metric_settings *s, scp_scores *out)
{
    return scp_evaluate_against(comm, d, NULL, rows, n, split, model, n_models, s, out);
}
