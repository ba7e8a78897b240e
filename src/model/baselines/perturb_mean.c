/* Perturb mean: x_pre + mean over training pairs of the same (drug, dose), whatever the cell line,
 * of x_post - x_pre. A drug trained at other doses only lends the offset of its nearest dose in log
 * (the lower one on a tie); an unknown drug has offset 0.
 *
 * As the State code base has it: the offset of a label in a line is the mean of its profiles minus
 * the mean of the line's controls, whatever the plate, and the offset of the label the mean over
 * lines, each of which weighs alike. The two agree where controls are balanced over plates and
 * every line has as many pairs of the label.
 *
 * Nearest drug: the same, but an unknown drug borrows the offset of the training drug with the most
 * similar structure (Tanimoto of the fingerprints, the first on a tie), at its nearest dose. */
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

/* Tanimoto similarity of two drugs: common bits over bits of either; 0 without bits. */
static double similarity(const scp_dataset *d, int32_t a, int32_t b)
{
    const uint8_t *x = d->fp + (size_t)a * SCP_FP_BITS, *y = d->fp + (size_t)b * SCP_FP_BITS;
    int both = 0, either = 0;
    for (size_t i = 0; i < SCP_FP_BITS; i++) {
        both += x[i] & y[i];
        either += x[i] | y[i];
    }
    return either ? (double)both / either : 0;
}

/* The training drug most similar to a drug; -1 without fingerprints. */
static int32_t most_similar(const scp_dataset *d, const label *labels, size_t n, int32_t drug)
{
    int32_t best = -1;
    double most = -1;
    for (size_t i = 0; d->fp && i < n; i++) {
        if (i && labels[i].drug == labels[i - 1].drug) continue;
        double s = similarity(d, labels[i].drug, drug);
        if (!(s > most)) continue;
        most = s;
        best = labels[i].drug;
    }
    return best;
}

/* borrows: an unknown drug borrows from the most similar one. */
static scp_status plan(scp_means *m, bool borrows)
{
    label *labels = NULL;
    int32_t *lender = NULL; /* [n_drugs] -1: not looked for, or none */
    scp_status st = SCP_OK;
    SCP_GOTO(done, training_labels(m, &labels, &m->n_groups));
    SCP_GOTO(done, scp_alloc(m->d->n_drugs, sizeof *lender, &lender));
    for (size_t k = 0; k < m->d->n_drugs; k++) lender[k] = -1;
    for (size_t i = 0; i < m->d->N; i++) {
        label own = { .dose = scp_means_dose(m, i), .drug = scp_means_drug(m, i) };
        const label *known = bsearch(&own, labels, m->n_groups, sizeof own, by_label);
        m->use[i] = known ? (int32_t)(known - labels) : nearest(labels, m->n_groups, own);
        if (m->use[i] < 0 && borrows) {
            if (lender[own.drug] < 0)
                lender[own.drug] = most_similar(m->d, labels, m->n_groups, own.drug);
            m->use[i] = nearest(labels, m->n_groups, (label){ own.dose, lender[own.drug] });
        }
        m->source[i] = known ? SCP_MEANS_EXACT : m->use[i] < 0 ? SCP_MEANS_NONE : SCP_MEANS_NEAREST;
        if (scp_means_trains(m, i)) m->member[0][i] = m->use[i];
    }
done:
    free(lender);
    free(labels);
    return st;
}

scp_status scp_perturb_mean_plan(scp_means *m)
{
    return plan(m, false);
}

scp_status scp_nearest_drug_plan(scp_means *m)
{
    return plan(m, true);
}

/* A pair weighs 1 / pairs of its line in its group, so that lines weigh alike. */
static scp_status weigh_lines(scp_means *m)
{
    const size_t L = m->d->n_lines;
    int32_t *pairs = NULL; /* [n_groups, L] */
    SCP_TRY(scp_alloc(m->n_groups * L, sizeof *pairs, &pairs));
    scp_status st = scp_alloc(m->d->N, sizeof *m->weight, &m->weight);
    for (int pass = 0; st == SCP_OK && pass < 2; pass++)
        for (size_t i = 0; i < m->d->N; i++) {
            if (m->member[0][i] < 0) continue;
            int32_t *n = pairs + (size_t)m->member[0][i] * L + (size_t)scp_means_line(m, i);
            if (pass == 0)
                ++*n;
            else
                m->weight[i] = 1.0 / *n;
        }
    free(pairs);
    return st;
}

scp_status scp_perturb_state_plan(scp_means *m)
{
    SCP_TRY(plan(m, false));
    SCP_TRY(scp_alloc(m->d->P, sizeof *m->control, &m->control));
    for (size_t i = 0; i < m->d->N; i++)
        if (scp_means_trains(m, i)) m->control[m->d->pre[i]] = 1;
    return weigh_lines(m);
}
