/* Dose levels: which doses of different drugs count as the same. See model/dose_level.h. */
#include "model/dose_level.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"

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
static size_t distinct_doses(const scp_dataset *d, bool training, double *dose)
{
    size_t n = 0, kept = 0;
    for (size_t i = 0; i < d->N; i++)
        if (!training || d->split[i] == SCP_SPLIT_TRAIN) dose[n++] = d->p_dose[d->post[i]];
    qsort(dose, n, sizeof *dose, by_real);
    for (size_t i = 0; i < n; i++)
        if (i == 0 || dose[i] != dose[kept - 1]) dose[kept++] = dose[i];
    return kept;
}

static size_t distinct_labels(const scp_dataset *d, drug_dose *label)
{
    size_t kept = 0;
    for (size_t i = 0; i < d->N; i++)
        label[i] = (drug_dose){ .dose = d->p_dose[d->post[i]], .drug = d->p_drug[d->post[i]] };
    qsort(label, d->N, sizeof *label, by_drug_and_rank);
    for (size_t i = 0; i < d->N; i++)
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

static void level_by_rank(const scp_dataset *d, const drug_dose *label, size_t n, int32_t *level)
{
    for (size_t i = 0; i < d->N; i++) {
        drug_dose own = { .dose = d->p_dose[d->post[i]], .drug = d->p_drug[d->post[i]] };
        const drug_dose *found = bsearch(&own, label, n, sizeof own, by_drug_and_rank);
        const drug_dose *first = found;
        while (first > label && first[-1].drug == own.drug) first--;
        level[i] = (int32_t)(found - first);
    }
}

/* dose [n] ascending; the lower one on a tie. */
static void level_by_dose(const scp_dataset *d, const double *dose, size_t n, int32_t *level)
{
    for (size_t i = 0; i < d->N; i++) {
        double own = d->p_dose[d->post[i]];
        size_t best = 0;
        for (size_t k = 1; k < n; k++)
            if (scp_dose_distance(dose[k], own) < scp_dose_distance(dose[best], own)) best = k;
        level[i] = (int32_t)(n - 1 - best);
    }
}

scp_status scp_dose_levels_init(const scp_dataset *d, scp_dose_levels *out)
{
    SCP_ARG(d && out, "data set and result are required");
    scp_status st = SCP_OK;
    double *dose = NULL;
    drug_dose *label = NULL;
    *out = (scp_dose_levels){ 0 };
    SCP_GOTO(done, scp_alloc(d->N, sizeof *out->level, &out->level));
    SCP_GOTO(done, scp_alloc(d->N, sizeof *dose, &dose));
    SCP_GOTO(done, scp_alloc(d->N, sizeof *label, &label));
    size_t n_labels = distinct_labels(d, label), most = most_doses_of_a_drug(label, n_labels);
    size_t n_doses = distinct_doses(d, false, dose);
    out->by_rank = n_doses > 2 * most;
    if (out->by_rank) {
        out->n = most;
        level_by_rank(d, label, n_labels, out->level);
    } else {
        size_t trained = distinct_doses(d, true, dose);
        out->n = trained ? trained : distinct_doses(d, false, dose);
        level_by_dose(d, dose, out->n, out->level);
    }
done:
    free(label);
    free(dose);
    if (st != SCP_OK) scp_dose_levels_fini(out);
    return st;
}

void scp_dose_levels_fini(scp_dose_levels *l)
{
    if (!l) return;
    free(l->level);
    *l = (scp_dose_levels){ 0 };
}
