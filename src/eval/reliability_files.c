/* Files of what says how far scores can be trusted: tests, ceilings, comparisons. */
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "eval/bootstrap.h"
#include "eval/score_files.h"
#include "io/tsv.h"

static scp_status add_reals(scp_tsv_writer *w, const double *v, size_t n)
{
    for (size_t i = 0; i < n; i++) SCP_TRY(scp_tsv_add_real(w, v[i]));
    return SCP_OK;
}

static scp_status add_texts(scp_tsv_writer *w, const char *const *text, size_t n)
{
    for (size_t i = 0; i < n; i++) SCP_TRY(scp_tsv_add_text(w, text[i]));
    return SCP_OK;
}

static scp_status add_tested(scp_tsv_writer *w, const scp_deg_tests *t, const scp_dataset *d)
{
    for (size_t i = 0; i < t->n; i++) {
        const int32_t p = d->post[t->row[i]];
        const char *const key[] = { t->split, d->line[d->p_line[p]], d->drug[d->p_drug[p]] };
        if (t->pairs[i] < 2) continue;
        SCP_TRY(add_texts(w, key, 3));
        SCP_TRY(scp_tsv_add_real(w, d->p_dose[p]));
        SCP_TRY(scp_tsv_add_text(w, d->plate[d->p_plate[p]]));
        SCP_TRY(scp_tsv_add_int(w, t->pairs[i]));
        SCP_TRY(scp_tsv_add_int(w, t->genes[i]));
        for (size_t e = 0; e < t->n_pseudo; e++)
            SCP_TRY(scp_tsv_add_real(w, t->share[e * t->n + i]));
    }
    return SCP_OK;
}

scp_status scp_deg_tests_write(const scp_deg_tests *t, size_t n, const scp_dataset *d,
                               const char *path)
{
    SCP_ARG(t && n && d && path, "tests, data set and path are required");
    const char *column[7 + SCP_PSEUDO_MAX] = { "split", "cell_line", "drug", "dose_uM",
                                               "plate", "pairs",     "genes" };
    char share[SCP_PSEUDO_MAX][64], number[SCP_REAL_TEXT];
    scp_tsv_writer *w = NULL;
    scp_status st = SCP_OK;
    for (size_t e = 0; e < t->n_pseudo; e++) {
        snprintf(share[e], sizeof share[e], "share_%s", scp_print_real(t->pseudo[e], number));
        column[7 + e] = share[e];
    }
    SCP_GOTO(done, scp_tsv_writer_create(column, 7 + t->n_pseudo, &w));
    for (size_t i = 0; i < n; i++) SCP_GOTO(done, add_tested(w, &t[i], d));
    SCP_GOTO(done, scp_tsv_writer_commit(&w, path));
done:
    scp_tsv_writer_abort(&w);
    return st;
}

static scp_status add_fractions(scp_tsv_writer *w, const scp_scores *model, scp_ceiling_kind kind,
                                const scp_scores *ceiling)
{
    scp_of_ceiling o[SCP_METRIC_MAX];
    SCP_TRY(scp_ceiling_fractions(kind, ceiling, model, o));
    for (size_t c = 0; c < model->cols.n; c++) {
        const char *const key[] = { model->model, model->split, scp_ceiling_name(kind),
                                    model->cols.col[c].name };
        const double v[] = { o[c].score, o[c].half, o[c].ceiling, o[c].fraction };
        SCP_TRY(add_texts(w, key, 4));
        SCP_TRY(scp_tsv_add_int(w, (int64_t)o[c].n));
        SCP_TRY(add_reals(w, v, 4));
    }
    return SCP_OK;
}

scp_status scp_ceilings_write(const scp_scored_set *set, size_t n, const char *path)
{
    SCP_ARG(set && path, "sets and path are required");
    static const char *const column[] = { "model", "split",    "ceiling", "metric",  "n",
                                          "score", "measured", "limit",   "fraction" };
    scp_tsv_writer *w = NULL;
    scp_status st = SCP_OK;
    SCP_GOTO(done, scp_tsv_writer_create(column, sizeof column / sizeof column[0], &w));
    for (size_t i = 0; i < n; i++)
        for (size_t m = 0; m < set[i].n; m++)
            for (int k = 0; k < SCP_CEILINGS; k++)
                if (set[i].ceiling[k].n)
                    SCP_GOTO(done, add_fractions(w, &set[i].model[m], (scp_ceiling_kind)k,
                                                 &set[i].ceiling[k]));
    SCP_GOTO(done, scp_tsv_writer_commit(&w, path));
done:
    scp_tsv_writer_abort(&w);
    return st;
}

static scp_status add_comparison(scp_tsv_writer *w, const scp_scores *a, const scp_scores *b,
                                 const scp_comparison *v)
{
    for (size_t c = 0; c < a->cols.n; c++) {
        const char *const key[] = { a->split, a->model, b->model, a->cols.col[c].name };
        const double figure[] = { v[c].mean_a, v[c].mean_b, v[c].difference, v[c].low,
                                  v[c].high,   v[c].p,      v[c].q };
        if (!v[c].n) continue;
        SCP_TRY(add_texts(w, key, 4));
        SCP_TRY(scp_tsv_add_int(w, (int64_t)v[c].n));
        SCP_TRY(add_reals(w, figure, 7));
    }
    return SCP_OK;
}

/* Comparisons of this rank: every size-th one. mine [.., cols] */
static scp_status compare_share(scp_comm *comm, const scp_scored_set *set, size_t n, size_t cols,
                                int64_t resamples, int64_t seed, scp_comparison *mine, size_t *made)
{
    const size_t rank = (size_t)scp_comm_rank(comm), size = (size_t)scp_comm_size(comm);
    *made = 0;
    for (size_t i = 0, k = 0; i < n; i++)
        for (size_t m = 1; m < set[i].n; m++, k++)
            if (k % size == rank)
                SCP_TRY(scp_compare_scores(&set[i].model[0], &set[i].model[m], resamples, seed,
                                           mine + (*made)++ * cols));
    return SCP_OK;
}

/* `all`: those of each rank after those of the one before. */
static scp_status write_comparisons(const scp_scored_set *set, size_t n, size_t size, size_t total,
                                    size_t cols, const scp_comparison *all, const char *path)
{
    static const char *const column[] = { "split", "model_a", "model_b", "metric",
                                          "n",     "mean_a",  "mean_b",  "difference",
                                          "low",   "high",    "p",       "q" };
    scp_tsv_writer *w = NULL;
    scp_status st = SCP_OK;
    SCP_GOTO(done, scp_tsv_writer_create(column, sizeof column / sizeof column[0], &w));
    for (size_t i = 0, k = 0; i < n; i++)
        for (size_t m = 1; m < set[i].n; m++, k++) {
            const size_t rank = k % size, more = total % size; /* ranks with one more */
            const size_t before = rank * (total / size) + (rank < more ? rank : more);
            SCP_GOTO(done, add_comparison(w, &set[i].model[0], &set[i].model[m],
                                          all + (before + k / size) * cols));
        }
    SCP_GOTO(done, scp_tsv_writer_commit(&w, path));
done:
    scp_tsv_writer_abort(&w);
    return st;
}

scp_status scp_comparisons_write(scp_comm *comm, const scp_scored_set *set, size_t n,
                                 int64_t resamples, int64_t seed, const char *path)
{
    SCP_ARG(comm && set && n && path, "communicator, sets and path are required");
    const size_t size = (size_t)scp_comm_size(comm), cols = set->model->cols.n;
    scp_comparison *mine = NULL, *all = NULL;
    size_t total = 0, made = 0;
    for (size_t i = 0; i < n; i++) total += set[i].n - 1;
    scp_status st = scp_alloc((total / size + 1) * cols, sizeof *mine, &mine);
    if (st == SCP_OK)
        st = compare_share(comm, set, n, cols, resamples, seed, mine, &made);
    SCP_GOTO(done, scp_agree(comm, st));
    SCP_GOTO(done, scp_comm_allgatherv(comm, mine, made * cols * sizeof *mine, SCP_COMM_U8,
                                       (void **)&all, NULL, NULL));
    if (scp_comm_rank(comm) == 0) st = write_comparisons(set, n, size, total, cols, all, path);
    st = scp_agree(comm, st);
done:
    free(all);
    free(mine);
    return st;
}
