/* Gene sets cut to the genes of a list, and the random sets of their sizes, see gsea.h. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/rng.h"
#include "base/str.h"
#include "eval/gsea_impl.h"

#define AT(member) offsetof(scp_gsea_settings, member)

const scp_option scp_gsea_options[] = {
    { .key = "gsea.power",
      .type = SCP_OPT_REAL,
      .offset = AT(power),
      .def = "1",
      .min = 0,
      .max = 4,
      .help = "Exponent of the score in the running sum; 0 counts every gene alike.",
      .source = "Subramanian 2005" },
    { .key = "gsea.permutations",
      .alias = "permutations",
      .type = SCP_OPT_INT,
      .offset = AT(permutations),
      .def = "1000",
      .min = 10,
      .max = 1e6,
      .help = "Random sets of each size in the null.",
      .source = "Subramanian 2005" },
    { .key = "gsea.min_size",
      .type = SCP_OPT_INT,
      .offset = AT(min_size),
      .def = "15",
      .min = 1,
      .max = 1e6,
      .unit = "genes",
      .help = "Smallest set, after cutting it to the data's genes.",
      .source = "GSEA" },
    { .key = "gsea.max_size",
      .type = SCP_OPT_INT,
      .offset = AT(max_size),
      .def = "500",
      .min = 1,
      .max = 1e6,
      .unit = "genes",
      .help = "Largest set, after cutting it to the data's genes.",
      .source = "GSEA" },
    { .key = "gsea.fdr",
      .type = SCP_OPT_REAL,
      .offset = AT(fdr),
      .def = "0.25",
      .min = 0,
      .max = 1,
      .help = "False discovery rate at which a set counts as enriched.",
      .source = "GSEA" },
    { .key = "gsea.seed",
      .type = SCP_OPT_INT,
      .offset = AT(seed),
      .def = "1",
      .min = 0,
      .max = 9e15,
      .help = "Seed of the random sets." },
    { .key = NULL },
};

/* k places of 0..G-1 by Floyd's algorithm, in increasing order; mark [G / 64 + 1] zeroed, and left
 * so. */
static void draw_places(uint64_t seed, uint64_t step, size_t k, size_t G, uint64_t *mark,
                        uint32_t *place)
{
    size_t n = 0;
    for (size_t j = G - k; j < G; j++) {
        size_t at =
            scp_rng_below(seed, SCP_RNG_PERMUTE_SETS, step, k, (uint32_t)(j - (G - k)), j + 1);
        if (mark[at / 64] >> (at % 64) & 1) at = j;
        mark[at / 64] |= UINT64_C(1) << (at % 64);
    }
    for (size_t w = 0; w < G / 64 + 1; w++)
        for (; mark[w]; mark[w] &= mark[w] - 1)
            place[n++] = (uint32_t)(64 * w + (size_t)__builtin_ctzll(mark[w]));
}

static scp_status add_twins(scp_gsea_sets *g, size_t k, size_t *index)
{
    uint64_t *mark = NULL;
    for (*index = 0; *index < g->n_twins; ++*index)
        if (g->twin[*index].k == k) return SCP_OK;
    SCP_TRY(scp_grow(&g->twin, &g->cap_twins, g->n_twins + 1, sizeof *g->twin));
    scp_gsea_twins *t = &g->twin[g->n_twins];
    t->k = k;
    SCP_TRY(scp_alloc((size_t)g->s.permutations * k, sizeof *t->place, &t->place));
    g->n_twins++;
    SCP_TRY(scp_alloc(g->G / 64 + 1, sizeof *mark, &mark));
    for (int64_t i = 0; i < g->s.permutations; i++)
        draw_places((uint64_t)g->s.seed, (uint64_t)i, k, g->G, mark, t->place + (size_t)i * k);
    free(mark);
    return SCP_OK;
}

int scp_gsea_by_index(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static scp_status add_set(scp_gsea_sets *g, const scp_gene_set *from, const scp_names *gene,
                          size_t *known)
{
    uint32_t *index = NULL;
    size_t k = 0;
    scp_status st = SCP_OK;
    SCP_TRY(scp_alloc(from->n, sizeof *index, &index));
    for (size_t i = 0; i < from->n; i++) {
        int64_t at = scp_names_find(gene, from->gene[i]);
        if (at >= 0) index[k++] = (uint32_t)at;
    }
    *known += k;
    if (k < (size_t)g->s.min_size || k > (size_t)g->s.max_size || k >= g->G) {
        g->dropped++;
        goto done;
    }
    qsort(index, k, sizeof *index, scp_gsea_by_index);
    SCP_GOTO(done, scp_grow(&g->set, &g->cap, g->n + 1, sizeof *g->set));
    scp_gsea_set *set = &g->set[g->n];
    SCP_GOTO(done, scp_strdup(from->name, &set->name));
    set->k = k;
    set->gene = index;
    index = NULL;
    g->n++;
    SCP_GOTO(done, add_twins(g, k, &set->twin));
done:
    free(index);
    return st;
}

static scp_status add_sets(scp_gsea_sets *g, const scp_gmt *gmt, char *const *gene)
{
    scp_names *names = NULL;
    size_t known = 0;
    scp_status st = SCP_OK;
    SCP_TRY(scp_names_create(&names));
    for (size_t i = 0; i < g->G; i++) {
        size_t index;
        SCP_GOTO(done, scp_names_add(names, gene[i], &index));
        if (index != i) SCP_FAIL_GOTO(done, SCP_EDATA, "gene %s is there twice", gene[i]);
    }
    for (size_t i = 0; i < scp_gmt_count(gmt); i++) {
        scp_gene_set set = scp_gmt_set(gmt, i);
        SCP_GOTO(done, add_set(g, &set, names, &known));
    }
    if (!g->n)
        SCP_FAIL_GOTO(
            done, SCP_EDATA,
            "none of the %zu gene sets has %lld to %lld genes of the data (%zu memberships "
            "of %zu genes match; the data has e.g. %s, the sets e.g. %s): lower "
            "gsea.min_size, or give sets with the data's kind of gene names",
            scp_gmt_count(gmt), (long long)g->s.min_size, (long long)g->s.max_size, known, g->G,
            gene[0], scp_gmt_set(gmt, 0).gene[0]);
done:
    scp_names_destroy(&names);
    return st;
}

scp_status scp_gsea_sets_create(const scp_gmt *gmt, char *const *gene, size_t G,
                                const scp_gsea_settings *s, scp_gsea_sets **out)
{
    SCP_ARG(gmt && gene && G && s && out, "sets, genes and settings are required");
    scp_gsea_sets *g = NULL;
    SCP_TRY(scp_alloc(1, sizeof *g, &g));
    g->s = *s;
    g->G = G;
    scp_status st = add_sets(g, gmt, gene);
    if (st != SCP_OK) scp_gsea_sets_destroy(&g);
    *out = g;
    return st;
}

void scp_gsea_sets_destroy(scp_gsea_sets **sets)
{
    if (!sets || !*sets) return;
    scp_gsea_sets *g = *sets;
    for (size_t i = 0; i < g->n; i++) {
        free(g->set[i].name);
        free(g->set[i].gene);
    }
    for (size_t i = 0; i < g->n_twins; i++) free(g->twin[i].place);
    free(g->set);
    free(g->twin);
    free(g);
    *sets = NULL;
}

size_t scp_gsea_count(const scp_gsea_sets *sets)
{
    return sets->n;
}

const char *scp_gsea_name(const scp_gsea_sets *sets, size_t i)
{
    return sets->set[i].name;
}

size_t scp_gsea_size(const scp_gsea_sets *sets, size_t i)
{
    return sets->set[i].k;
}

size_t scp_gsea_dropped(const scp_gsea_sets *sets)
{
    return sets->dropped;
}

int64_t scp_gsea_find(const scp_gsea_sets *sets, const char *name)
{
    for (size_t i = 0; i < sets->n; i++)
        if (strcmp(sets->set[i].name, name) == 0) return (int64_t)i;
    return -1;
}
