/* The proof of no leak. Each rule is checked by marking, for every line, drug, parent, key or
 * fingerprint, the set of splits in which it occurs (one bit per split). */
#include "data/leak.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

enum { TRAIN = 1 << SCP_SPLIT_TRAIN };

static void violation(scp_leak_report *r, size_t *count, const char *fmt, ...) SCP_PRINTF(3, 4);

static void violation(scp_leak_report *r, size_t *count, const char *fmt, ...)
{
    (*count)++;
    if (r->first[0] != '\0') return;
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(r->first, sizeof r->first, fmt, ap);
    va_end(ap);
}

/* More than one bit? */
static bool several(unsigned mask)
{
    return (mask & (mask - 1)) != 0;
}

static bool held_uc(unsigned split)
{
    return split == SCP_SPLIT_UC || split == SCP_SPLIT_VAL_UC;
}

static bool held_ud(unsigned split)
{
    return split == SCP_SPLIT_UD || split == SCP_SPLIT_VAL_UD;
}

static scp_status check_names(const scp_dataset *d, scp_leak_report *r)
{
    scp_status st = SCP_OK;
    uint8_t *line = NULL, *drug = NULL, *parent = NULL, *combo = NULL;
    SCP_GOTO(done, scp_alloc(d->n_lines, 1, &line));
    SCP_GOTO(done, scp_alloc(d->n_drugs, 1, &drug));
    SCP_GOTO(done, scp_alloc(d->n_parents, 1, &parent));
    SCP_GOTO(done, scp_alloc(d->n_lines * d->n_parents, 1, &combo));
    for (size_t i = 0; i < d->N; i++) {
        int32_t p = d->post[i], g = d->parent[d->p_drug[p]];
        uint8_t bit = (uint8_t)(1u << d->split[i]);
        line[d->p_line[p]] |= bit;
        drug[d->p_drug[p]] |= bit;
        parent[g] |= bit;
        combo[(size_t)d->p_line[p] * d->n_parents + (size_t)g] |= bit;
    }
    for (size_t i = 0; i < d->N; i++) {
        int32_t p = d->post[i], g = d->parent[d->p_drug[p]];
        const char *l = d->line[d->p_line[p]], *name = d->drug[d->p_drug[p]];
        const char *split = scp_split_name(d->split[i]);
        if (held_uc(d->split[i]) && several(combo[(size_t)d->p_line[p] * d->n_parents + (size_t)g]))
            violation(r, &r->combinations, "%s | %s is in split %s and in another", l, name, split);
        if (held_ud(d->split[i]) && several(parent[g]))
            violation(r, &r->parents, "the parent compound of %s is in split %s and in another",
                      name, split);
        if (d->split[i] != SCP_SPLIT_TRAIN && !(line[d->p_line[p]] & TRAIN))
            violation(r, &r->unseen, "cell line %s of split %s is not in training", l, split);
        if (held_uc(d->split[i]) && !(drug[d->p_drug[p]] & TRAIN))
            violation(r, &r->unseen, "drug %s of split %s is not in training", name, split);
    }
done:
    free(line);
    free(drug);
    free(parent);
    free(combo);
    return st;
}

/* ---- equal keys and equal fingerprints: sort, then look at runs ---- */

typedef struct item {
    const scp_dataset *d;
    int32_t pair;
} item;

static int compare_keys(const void *pa, const void *pb)
{
    const item *a = pa, *b = pb;
    const scp_dataset *d = a->d;
    int32_t p = d->post[a->pair], q = d->post[b->pair];
    if (d->p_line[p] != d->p_line[q]) return d->p_line[p] < d->p_line[q] ? -1 : 1;
    if (d->p_drug[p] != d->p_drug[q]) return d->p_drug[p] < d->p_drug[q] ? -1 : 1;
    return (d->p_dose[p] > d->p_dose[q]) - (d->p_dose[p] < d->p_dose[q]);
}

static const uint8_t *fingerprint(const item *x)
{
    return x->d->fp + (size_t)x->d->p_drug[x->d->post[x->pair]] * SCP_FP_BITS;
}

static int compare_fingerprints(const void *pa, const void *pb)
{
    return memcmp(fingerprint(pa), fingerprint(pb), SCP_FP_BITS);
}

/* Splits that occur in a run of equal items. */
static unsigned run_mask(const item *v, size_t n, size_t first,
                         int (*compare)(const void *, const void *), size_t *end)
{
    unsigned mask = 0;
    for (*end = first; *end < n && compare(&v[first], &v[*end]) == 0; (*end)++)
        mask |= 1u << v[*end].d->split[v[*end].pair];
    return mask;
}

static scp_status check_runs(const scp_dataset *d, scp_leak_report *r)
{
    const unsigned ud = 1u << SCP_SPLIT_UD | 1u << SCP_SPLIT_VAL_UD;
    item *v = NULL;
    SCP_TRY(scp_alloc(d->N, sizeof *v, &v));
    for (size_t i = 0; i < d->N; i++) v[i] = (item){ .d = d, .pair = (int32_t)i };
    qsort(v, d->N, sizeof *v, compare_keys);
    for (size_t i = 0, end; i < d->N; i = end) {
        unsigned mask = run_mask(v, d->N, i, compare_keys, &end);
        int32_t p = d->post[v[i].pair];
        if (several(mask))
            violation(r, &r->keys, "%s | %s | %g uM is in more than one split",
                      d->line[d->p_line[p]], d->drug[d->p_drug[p]], d->p_dose[p]);
    }
    qsort(v, d->N, sizeof *v, compare_fingerprints);
    for (size_t i = 0, end; i < d->N; i = end) {
        unsigned mask = run_mask(v, d->N, i, compare_fingerprints, &end);
        if ((mask & ud) && several(mask))
            violation(r, &r->fingerprints,
                      "an unseen drug has the fingerprint of %s, which is in "
                      "another split",
                      d->drug[d->p_drug[d->post[v[i].pair]]]);
    }
    free(v);
    return SCP_OK;
}

static void check_pairing(const scp_dataset *d, scp_leak_report *r)
{
    for (size_t i = 0; i < d->N; i++) {
        int32_t p = d->post[i], q = d->pre[i];
        if (d->p_drug[p] < 0 || d->p_drug[q] >= 0 || d->p_line[p] != d->p_line[q] ||
            d->p_plate[p] != d->p_plate[q])
            violation(r, &r->pairing,
                      "pair %zu is not a drug and the vehicle of its line and plate", i);
    }
}

scp_status scp_leak_check(const scp_dataset *d, scp_leak_report *r)
{
    SCP_ARG(d && r, "tables and report are required");
    *r = (scp_leak_report){ 0 };
    check_pairing(d, r);
    if (r->pairing == 0) {
        SCP_TRY(check_names(d, r));
        SCP_TRY(check_runs(d, r));
    }
    if (r->first[0] != '\0') SCP_FAIL(SCP_EDATA, "the splits leak: %s", r->first);
    return SCP_OK;
}
