/* Replicate: how well one plate of a key predicts another, the between-plate ceiling of every
 * model. x_pre + mean over the other plates of the same (line, drug, dose) of x_post - x_pre. It
 * reads true profiles of any split; a key that is on one plate only has no replicate and is NaN. */
#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "model/means_impl.h"

typedef struct replicate_key {
    double dose;
    int32_t line, drug, pair;
} replicate_key;

static int by_key(const void *a, const void *b)
{
    const replicate_key *x = a, *y = b;
    if (x->line != y->line) return x->line < y->line ? -1 : 1;
    if (x->drug != y->drug) return x->drug < y->drug ? -1 : 1;
    if (x->dose != y->dose) return x->dose < y->dose ? -1 : 1;
    return (x->pair > y->pair) - (x->pair < y->pair);
}

static bool same_key(const scp_means *m, int32_t a, int32_t b)
{
    return scp_means_line(m, (size_t)a) == scp_means_line(m, (size_t)b) &&
           scp_means_drug(m, (size_t)a) == scp_means_drug(m, (size_t)b) &&
           scp_means_dose(m, (size_t)a) == scp_means_dose(m, (size_t)b);
}

/* The pairs of the same key are at places [*begin, *end) of m->twin. */
static void twins(const scp_means *m, int32_t pair, size_t *begin, size_t *end)
{
    const size_t N = m->d->N, at = (size_t)m->twin[N + (size_t)pair];
    for (*begin = at; *begin > 0 && same_key(m, m->twin[*begin - 1], pair);) --*begin;
    for (*end = at + 1; *end < N && same_key(m, m->twin[*end], pair);) ++*end;
}

scp_status scp_replicate_plan(scp_means *m)
{
    const size_t N = m->d->N;
    replicate_key *key = NULL;
    scp_status st = SCP_OK;
    SCP_GOTO(done, scp_alloc(N, sizeof *key, &key));
    SCP_GOTO(done, scp_alloc(2 * N, sizeof *m->twin, &m->twin));
    for (size_t i = 0; i < N; i++)
        key[i] = (replicate_key){ .dose = scp_means_dose(m, i),
                                  .line = scp_means_line(m, i),
                                  .drug = scp_means_drug(m, i),
                                  .pair = (int32_t)i };
    qsort(key, N, sizeof *key, by_key);
    for (size_t i = 0; i < N; i++) {
        m->twin[i] = key[i].pair;
        m->twin[N + (size_t)key[i].pair] = (int32_t)i;
    }
    for (size_t i = 0; i < N; i++) {
        size_t begin, end;
        twins(m, (int32_t)i, &begin, &end);
        m->source[i] = end - begin > 1 ? SCP_MEANS_EXACT : SCP_MEANS_NONE;
    }
done:
    free(key);
    return st;
}

void scp_replicate_predict(const scp_means *m, int32_t pair, float *out)
{
    const scp_dataset *d = m->d;
    size_t begin, end;
    twins(m, pair, &begin, &end);
    for (size_t g = 0; g < d->G; g++) {
        double sum = 0;
        for (size_t i = begin; i < end; i++)
            if (m->twin[i] != pair)
                sum += (double)d->x[(size_t)d->post[m->twin[i]] * d->G + g] -
                       d->x[(size_t)d->pre[m->twin[i]] * d->G + g];
        out[g] =
            end - begin > 1
                ? (float)(d->x[(size_t)d->pre[pair] * d->G + g] + sum / (double)(end - begin - 1))
                : NAN;
    }
}
