/* Drawing of the splits. The unit is the combination (line, parent group); a split of combinations
 * is then copied to their pairs. */
#include "data/split.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "base/rng.h"

typedef struct combo {
    int32_t line, parent;
    uint8_t split;
    uint64_t draw;
} combo;

typedef struct state {
    const scp_dataset *d;
    const scp_split_settings *set;
    combo *c; /* sorted by (line, parent)                              */
    size_t n;
    int32_t *pair_combo; /* [N]                                                   */
    int32_t *line_left;  /* [n_lines] training combinations of a line             */
    int32_t *drug_left;  /* [n_drugs] training combinations in which a drug occurs */
    size_t n_links;
    int32_t *link_drug;    /* [n_links] drugs of the combinations, in their order   */
    size_t *link_at;       /* [n + 1] first link of a combination                   */
    int32_t *parent_combo; /* [n] combinations by parent group                   */
    size_t *parent_at;     /* [n_parents + 1] first of a group                      */
} state;

enum { KIND_PARENT, KIND_COMBO };

static uint64_t draw_of(uint64_t seed, uint32_t kind, const char *line, const char *parent)
{
    uint32_t w[4];
    uint64_t name = scp_hash_text(parent, line ? scp_hash_text(line, 1) : 0);
    scp_rng_block(seed, SCP_RNG_SPLIT, kind, name, 0, w);
    return (uint64_t)w[0] << 32 | w[1];
}

static int compare_place(const void *pa, const void *pb)
{
    const combo *a = pa, *b = pb;
    if (a->line != b->line) return a->line < b->line ? -1 : 1;
    return (a->parent > b->parent) - (a->parent < b->parent);
}

static int compare_draw(const void *pa, const void *pb)
{
    const combo *a = *(combo *const *)pa, *b = *(combo *const *)pb;
    if (a->draw != b->draw) return a->draw < b->draw ? -1 : 1;
    return compare_place(a, b); /* equal hashes: names are sorted, so is the numbering */
}

/* Distinct (line, parent) of all pairs, and each pair's place among them. */
static scp_status find_combos(state *s)
{
    const scp_dataset *d = s->d;
    SCP_TRY(scp_alloc(d->N, sizeof *s->c, &s->c));
    SCP_TRY(scp_alloc(d->N, sizeof *s->pair_combo, &s->pair_combo));
    for (size_t i = 0; i < d->N; i++) {
        int32_t p = d->post[i];
        s->c[i] = (combo){ .line = d->p_line[p], .parent = d->parent[d->p_drug[p]] };
    }
    qsort(s->c, d->N, sizeof *s->c, compare_place);
    for (size_t i = 0; i < d->N; i++)
        if (s->n == 0 || compare_place(&s->c[s->n - 1], &s->c[i]) != 0) s->c[s->n++] = s->c[i];
    for (size_t i = 0; i < d->N; i++) {
        int32_t p = d->post[i];
        combo key = { .line = d->p_line[p], .parent = d->parent[d->p_drug[p]] };
        combo *at = bsearch(&key, s->c, s->n, sizeof *s->c, compare_place);
        s->pair_combo[i] = (int32_t)(at - s->c);
    }
    for (size_t i = 0; i < s->n; i++)
        s->c[i].draw = draw_of(s->set->seed, KIND_COMBO, d->line[s->c[i].line],
                               d->parent_name[s->c[i].parent]);
    return SCP_OK;
}

typedef struct link {
    int32_t combo, drug;
} link;

static int compare_link(const void *pa, const void *pb)
{
    const link *a = pa, *b = pb;
    if (a->combo != b->combo) return a->combo < b->combo ? -1 : 1;
    return (a->drug > b->drug) - (a->drug < b->drug);
}

/* Which drugs occur in which combination (a parent group may hold several drugs). */
static scp_status find_links(state *s)
{
    scp_status st = SCP_OK;
    const scp_dataset *d = s->d;
    link *all = NULL;
    SCP_GOTO(done, scp_alloc(d->N, sizeof *all, &all));
    SCP_GOTO(done, scp_alloc(d->N, sizeof *s->link_drug, &s->link_drug));
    SCP_GOTO(done, scp_alloc(s->n + 1, sizeof *s->link_at, &s->link_at));
    SCP_GOTO(done, scp_alloc(d->n_lines, sizeof *s->line_left, &s->line_left));
    SCP_GOTO(done, scp_alloc(d->n_drugs, sizeof *s->drug_left, &s->drug_left));
    for (size_t i = 0; i < d->N; i++)
        all[i] = (link){ .combo = s->pair_combo[i], .drug = d->p_drug[d->post[i]] };
    qsort(all, d->N, sizeof *all, compare_link);
    for (size_t i = 0; i < d->N; i++) {
        if (i > 0 && compare_link(&all[i - 1], &all[i]) == 0) continue;
        s->link_drug[s->n_links++] = all[i].drug;
        s->link_at[all[i].combo + 1] = s->n_links;
        s->drug_left[all[i].drug]++;
    }
    for (size_t i = 0; i < s->n; i++) s->line_left[s->c[i].line]++;
done:
    free(all);
    return st;
}

/* Combinations by parent group: a counting sort. */
static scp_status index_parents(state *s)
{
    size_t *fill = NULL;
    SCP_TRY(scp_alloc(s->n, sizeof *s->parent_combo, &s->parent_combo));
    SCP_TRY(scp_alloc(s->d->n_parents + 1, sizeof *s->parent_at, &s->parent_at));
    SCP_TRY(scp_alloc(s->d->n_parents, sizeof *fill, &fill));
    for (size_t i = 0; i < s->n; i++) s->parent_at[s->c[i].parent + 1]++;
    for (size_t g = 0; g < s->d->n_parents; g++) s->parent_at[g + 1] += s->parent_at[g];
    for (size_t i = 0; i < s->n; i++) {
        int32_t g = s->c[i].parent;
        s->parent_combo[s->parent_at[g] + fill[g]++] = (int32_t)i;
    }
    free(fill);
    return SCP_OK;
}

/* Move a training combination to a split. */
static void take(state *s, combo *c, scp_split to)
{
    size_t i = (size_t)(c - s->c);
    c->split = (uint8_t)to;
    s->line_left[c->line]--;
    for (size_t k = s->link_at[i]; k < s->link_at[i + 1]; k++) s->drug_left[s->link_drug[k]]--;
}

/* Would line and drugs of a combination still be seen in training without it? */
static bool can_take_combo(const state *s, const combo *c)
{
    size_t i = (size_t)(c - s->c);
    if (s->line_left[c->line] < 2) return false;
    for (size_t k = s->link_at[i]; k < s->link_at[i + 1]; k++)
        if (s->drug_left[s->link_drug[k]] < 2) return false;
    return true;
}

/* Is a group whole in training, and would every line of it still be seen there without it? */
static bool can_take_parent(const state *s, int32_t parent)
{
    for (size_t k = s->parent_at[parent]; k < s->parent_at[parent + 1]; k++) {
        const combo *c = &s->c[s->parent_combo[k]];
        if (c->split != SCP_SPLIT_TRAIN || s->line_left[c->line] < 2) return false;
    }
    return true;
}

static size_t share_of(double share, size_t n)
{
    return (size_t)floor(share * (double)n + 0.5);
}

/* Take up to `want` whole groups, in the order of their draws. */
static void take_parents(state *s, combo *const *order, size_t n, size_t want, scp_split to)
{
    for (size_t i = 0; i < n && want > 0; i++) {
        int32_t g = order[i]->parent;
        if (!can_take_parent(s, g)) continue;
        for (size_t k = s->parent_at[g]; k < s->parent_at[g + 1]; k++)
            take(s, &s->c[s->parent_combo[k]], to);
        want--;
    }
}

/* Take up to `want` training combinations, in the order of their draws. */
static void take_combos(state *s, combo *const *order, size_t n, size_t want, scp_split to)
{
    for (size_t i = 0; i < n && want > 0; i++) {
        if (order[i]->split != SCP_SPLIT_TRAIN || !can_take_combo(s, order[i])) continue;
        take(s, order[i], to);
        want--;
    }
}

static scp_status draw_parents(state *s)
{
    scp_status st = SCP_OK;
    const scp_dataset *d = s->d;
    combo *group = NULL, **order = NULL;
    SCP_GOTO(done, scp_alloc(d->n_parents, sizeof *group, &group));
    SCP_GOTO(done, scp_alloc(d->n_parents, sizeof *order, &order));
    for (size_t g = 0; g < d->n_parents; g++) {
        group[g] = (combo){ .parent = (int32_t)g,
                            .draw = draw_of(s->set->seed, KIND_PARENT, NULL, d->parent_name[g]) };
        order[g] = &group[g];
    }
    qsort(order, d->n_parents, sizeof *order, compare_draw);
    take_parents(s, order, d->n_parents, share_of(s->set->ud, d->n_parents), SCP_SPLIT_UD);
    take_parents(s, order, d->n_parents, share_of(s->set->val, d->n_parents), SCP_SPLIT_VAL_UD);
done:
    free(order);
    free(group);
    return st;
}

static scp_status draw_combos(state *s)
{
    size_t n = 0;
    combo **order = NULL;
    SCP_TRY(scp_alloc(s->n, sizeof *order, &order));
    for (size_t i = 0; i < s->n; i++)
        if (s->c[i].split == SCP_SPLIT_TRAIN) order[n++] = &s->c[i];
    qsort(order, n, sizeof *order, compare_draw);
    take_combos(s, order, n, share_of(s->set->uc, n), SCP_SPLIT_UC);
    take_combos(s, order, n, share_of(s->set->val, n), SCP_SPLIT_VAL_UC);
    free(order);
    return SCP_OK;
}

scp_status scp_split_draw(scp_dataset *d, const scp_split_settings *set)
{
    SCP_ARG(d && set && d->split, "data set and settings are required");
    scp_status st = SCP_OK;
    state s = { .d = d, .set = set };
    SCP_GOTO(done, find_combos(&s));
    SCP_GOTO(done, find_links(&s));
    SCP_GOTO(done, index_parents(&s));
    SCP_GOTO(done, draw_parents(&s));
    SCP_GOTO(done, draw_combos(&s));
    for (size_t i = 0; i < d->N; i++) d->split[i] = s.c[s.pair_combo[i]].split;
done:
    free(s.c);
    free(s.pair_combo);
    free(s.link_drug);
    free(s.link_at);
    free(s.parent_combo);
    free(s.parent_at);
    free(s.line_left);
    free(s.drug_left);
    return st;
}
