/* Dose levels: which doses of different drugs count as the same. See the head of model/means.h. */
#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "model/means_impl.h"

typedef struct drug_dose {
    double dose;
    int32_t drug;
} drug_dose;

static int by_real(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Drug ascending, dose descending: the place within the drug is the level by rank. */
static int by_drug_and_rank(const void *a, const void *b)
{
    const drug_dose *x = a, *y = b;
    if (x->drug != y->drug) return x->drug < y->drug ? -1 : 1;
    return (x->dose < y->dose) - (x->dose > y->dose);
}

double scp_dose_distance(double a, double b)
{
    if (a == b) return 0;
    return a > 0 && b > 0 ? fabs(log(a) - log(b)) : INFINITY;
}

/* Sorted distinct doses of all pairs, or of the training pairs. */
static size_t distinct_doses(const scp_means *m, bool training, double *dose)
{
    size_t n = 0, kept = 0;
    for (size_t i = 0; i < m->d->N; i++)
        if (!training || scp_means_trains(m, i)) dose[n++] = scp_means_dose(m, i);
    qsort(dose, n, sizeof *dose, by_real);
    for (size_t i = 0; i < n; i++)
        if (i == 0 || dose[i] != dose[kept - 1]) dose[kept++] = dose[i];
    return kept;
}

static size_t distinct_labels(const scp_means *m, drug_dose *label)
{
    size_t kept = 0;
    for (size_t i = 0; i < m->d->N; i++)
        label[i] = (drug_dose){ .dose = scp_means_dose(m, i), .drug = scp_means_drug(m, i) };
    qsort(label, m->d->N, sizeof *label, by_drug_and_rank);
    for (size_t i = 0; i < m->d->N; i++)
        if (i == 0 || by_drug_and_rank(&label[i], &label[kept - 1]) != 0) label[kept++] = label[i];
    return kept;
}

static size_t most_doses_of_a_drug(const drug_dose *label, size_t n)
{
    size_t most = 0;
    for (size_t i = 0, run = 0; i < n; i++) {
        run = i && label[i].drug == label[i - 1].drug ? run + 1 : 1;
        if (run > most) most = run;
    }
    return most;
}

static void level_by_rank(scp_means *m, const drug_dose *label, size_t n)
{
    for (size_t i = 0; i < m->d->N; i++) {
        drug_dose own = { .dose = scp_means_dose(m, i), .drug = scp_means_drug(m, i) };
        const drug_dose *found = bsearch(&own, label, n, sizeof own, by_drug_and_rank),
                        *first = found;
        while (first > label && first[-1].drug == own.drug) first--;
        m->level[i] = (int32_t)(found - first);
    }
}

static void level_by_dose(scp_means *m, const double *dose, size_t n)
{
    for (size_t i = 0; i < m->d->N; i++) {
        double own = scp_means_dose(m, i);
        size_t best = 0;
        for (size_t k = 1; k < n; k++)
            if (scp_dose_distance(dose[k], own) < scp_dose_distance(dose[best], own)) best = k;
        m->level[i] = (int32_t)best;
    }
}

scp_status scp_dose_levels(scp_means *m)
{
    scp_status st = SCP_OK;
    double *dose = NULL;
    drug_dose *label = NULL;
    SCP_GOTO(done, scp_alloc(m->d->N, sizeof *m->level, &m->level));
    SCP_GOTO(done, scp_alloc(m->d->N, sizeof *dose, &dose));
    SCP_GOTO(done, scp_alloc(m->d->N, sizeof *label, &label));
    size_t n_labels = distinct_labels(m, label), most = most_doses_of_a_drug(label, n_labels);
    m->by_rank = distinct_doses(m, false, dose) > 2 * most;
    if (m->by_rank) {
        m->n_levels = most;
        level_by_rank(m, label, n_labels);
    } else {
        m->n_levels = distinct_doses(m, true, dose);
        level_by_dose(m, dose, m->n_levels);
    }
done:
    free(label);
    free(dose);
    return st;
}
