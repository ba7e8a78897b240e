/* Perturb mean: x_pre + mean over training pairs of the same (drug, dose), whatever the cell line,
 * of x_post - x_pre. A drug trained at other doses only lends the offset of its nearest dose in log
 * (the lower one on a tie); an unknown drug has offset 0. */
#include <stdlib.h>

#include "base/mem.h"
#include "model/means_impl.h"

/* A training label. */
typedef struct label {
    double dose;
    int32_t drug;
} label;

static int by_label(const void *a, const void *b)
{
    const label *x = a, *y = b;
    if (x->drug != y->drug) return x->drug < y->drug ? -1 : 1;
    return (x->dose > y->dose) - (x->dose < y->dose);
}

/* Sorted unique labels of the training pairs. */
static scp_status training_labels(const scp_means *m, label **out, size_t *n)
{
    SCP_TRY(scp_alloc(m->d->N, sizeof **out, out));
    size_t found = 0, kept = 0;
    for (size_t i = 0; i < m->d->N; i++)
        if (scp_means_trains(m, i))
            (*out)[found++] = (label){ .dose = scp_means_dose(m, i), .drug = scp_means_drug(m, i) };
    qsort(*out, found, sizeof **out, by_label);
    for (size_t i = 0; i < found; i++)
        if (i == 0 || by_label(&(*out)[i], &(*out)[i - 1]) != 0) (*out)[kept++] = (*out)[i];
    *n = kept;
    return SCP_OK;
}

/* The label of this drug at the nearest dose, -1 for an unknown drug. */
static int32_t nearest(const label *labels, size_t n, label wanted)
{
    int32_t best = -1;
    for (size_t i = 0; i < n; i++) {
        if (labels[i].drug != wanted.drug) continue;
        if (best < 0 || scp_dose_distance(labels[i].dose, wanted.dose) <
                            scp_dose_distance(labels[best].dose, wanted.dose))
            best = (int32_t)i;
    }
    return best;
}

scp_status scp_perturb_mean_plan(scp_means *m)
{
    label *labels = NULL;
    SCP_TRY(training_labels(m, &labels, &m->n_groups));
    for (size_t i = 0; i < m->d->N; i++) {
        label own = { .dose = scp_means_dose(m, i), .drug = scp_means_drug(m, i) };
        const label *known = bsearch(&own, labels, m->n_groups, sizeof own, by_label);
        m->use[i] = known ? (int32_t)(known - labels) : nearest(labels, m->n_groups, own);
        m->source[i] = known ? SCP_MEANS_EXACT : m->use[i] < 0 ? SCP_MEANS_NONE : SCP_MEANS_NEAREST;
        if (scp_means_trains(m, i)) m->member[0][i] = m->use[i];
    }
    free(labels);
    return SCP_OK;
}
