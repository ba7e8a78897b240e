/* Gene set enrichment: closed forms, an exact null by counting, gseapy's values, agreement. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "eval/gsea.h"
#include "io/tsv.h"
#include "tap.h"

static const scp_gsea_settings plain = {
    .power = 1, .permutations = 1000, .min_size = 1, .max_size = 500, .fdr = 0.25, .seed = 1
};

static const char *golden(const char *name, char path[SCP_PATH_MAX])
{
    const char *top = getenv("top_srcdir");
    snprintf(path, SCP_PATH_MAX, "%s/tests/golden/%s", top ? top : ".", name);
    return path;
}

/* Sets of genes named a, b, c, ... from text, on G such genes. */
static char letter[26][2];
static char *gene[26];

static scp_gsea_sets *make(const char *gmt_text, size_t G, const scp_gsea_settings *s)
{
    scp_gmt *gmt = NULL;
    scp_gsea_sets *sets = NULL;
    for (size_t i = 0; i < 26; i++) {
        letter[i][0] = (char)('a' + i);
        gene[i] = letter[i];
    }
    tap_st(scp_gmt_parse(gmt_text, strlen(gmt_text), "sets", &gmt), "gene sets");
    tap_st(scp_gsea_sets_create(gmt, gene, G, s, &sets), "cut to %zu genes", G);
    scp_gmt_destroy(&gmt);
    return sets;
}

static void test_closed_forms(void)
{
    const double score[] = { 1, -3, 4, 0.5, -1, 2 }; /* ranked: c f a d e b */
    const double all_zero[6] = { 0 };
    double sum[6];
    uint32_t hit[4];
    scp_gsea_result r[5];
    scp_gsea_sets *g = make("top\t\tc\tf\nlow\t\te\tb\nmixed\t\tc\td\tb\nunknown\t\tq\tr\tz\n"
                            "everything\t\ta\tb\tc\td\te\tf\n",
                            6, &plain);
    tap_ok(scp_gsea_count(g) == 3 && scp_gsea_dropped(g) == 2,
           "a set without known genes, and one with all genes, are not used");
    tap_ok(scp_gsea_find(g, "low") == 1 && scp_gsea_find(g, "unknown") == -1, "sets by name");
    tap_st(scp_gsea_run(g, score, r), "three sets");
    tap_near(r[0].es, 1, 1e-15, "the two best genes: the sum reaches 1");
    tap_ok(r[0].peak == 1, "at the second place");
    tap_near(r[1].es, -1, 1e-15, "the two worst genes: the sum reaches -1");
    tap_ok(r[1].peak == 3, "before the fifth place");
    /* c: 4/7.5; f, a: -1/3 each; d: + 0.5/7.5; e: -1/3; b: + 3/7.5 */
    tap_near(r[2].es, 4 / 7.5, 1e-15, "a set at both ends");
    tap_st(scp_gsea_curve(g, score, 2, sum, hit), "its curve");
    tap_near(sum[2], 4 / 7.5 - 2.0 / 3, 1e-15, "falls by 1 / (G - k) at other genes");
    tap_near(sum[4], -3 / 7.5, 1e-15, "and rises by the weight at its own");
    tap_near(sum[5], 0, 1e-15, "and ends at 0");
    tap_ok(hit[0] == 0 && hit[1] == 3 && hit[2] == 5, "the places of its genes");
    tap_st(scp_gsea_run(g, all_zero, r), "a list of zeros");
    tap_ok(isnan(r[0].es) && isnan(r[0].nes) && isnan(r[0].p) && isnan(r[0].fdr),
           "no step, no score: NaN throughout");
    const double bad[] = { 1, NAN, 0, 0, 0, 0 };
    tap_fails(scp_gsea_run(g, bad, r), SCP_EDATA, "not finite", "a score that is NaN");
    scp_gsea_sets_destroy(&g);
}

static void test_ties_and_power(void)
{
    const double score[] = { 2, 0, 0, 0, -2, 0 }; /* ranked: a b c d f e: ties by index */
    scp_gsea_settings s = plain;
    scp_gsea_result r[2];
    s.power = 0;
    scp_gsea_sets *g = make("s\t\tb\tc\nt\t\te\tc\n", 6, &s);
    tap_st(scp_gsea_run(g, score, r), "power 0");
    tap_near(r[0].es, 0.75, 1e-15, "counts every gene alike; ties keep the order of the genes");
    scp_gsea_sets_destroy(&g);
}

static void test_messages(void)
{
    scp_gmt *gmt = NULL;
    scp_gsea_sets *g = NULL;
    scp_gsea_settings s = plain;
    const char text[] = "mouse\t\tTrp53\tMyc\n";
    s.min_size = 15;
    tap_st(scp_gmt_parse(text, strlen(text), "sets", &gmt), "sets of another species");
    tap_fails(scp_gsea_sets_create(gmt, gene, 6, &s, &g), SCP_EDATA, "Trp53",
              "no set is left: the message shows a name of each side");
    char *twice[] = { gene[0], gene[1], gene[0] };
    tap_fails(scp_gsea_sets_create(gmt, twice, 3, &s, &g), SCP_EDATA, "twice", "a gene twice");
    scp_gmt_destroy(&gmt);
}

/* The null over all 2-subsets of 9 places, counted. */
static double exact_p(const double *down, size_t G, double es)
{
    size_t same = 0, extreme = 0;
    for (size_t i = 0; i < G; i++)
        for (size_t j = i + 1; j < G; j++) {
            double w = fabs(down[i]) + fabs(down[j]), sum = 0, most = 0, least = 0;
            for (size_t at = 0; at < G; at++) {
                sum += at == i || at == j ? fabs(down[at]) / w : -1.0 / (double)(G - 2);
                most = fmax(most, sum);
                least = fmin(least, sum);
            }
            double null = most > -least + 1e-12 ? most : least;
            if ((null >= 0) != (es >= 0)) continue;
            same++;
            extreme += es >= 0 ? null >= es - 1e-12 : null <= es + 1e-12;
        }
    return (double)extreme / (double)same;
}

static void test_exact_null(void)
{
    const double down[] = { 5.3, 4.1, 3.07, 2.2, 1.13, -1.57, -2.6, -3.71, -6.05 };
    scp_gsea_settings s = plain;
    scp_gsea_result r[3];
    s.permutations = 40000;
    scp_gsea_sets *g = make("one\t\tb\tc\ntwo\t\tf\ti\nthree\t\ta\te\n", 9, &s);
    tap_st(scp_gsea_run(g, down, r), "three pairs of nine genes");
    for (size_t i = 0; i < 3; i++) {
        double p = exact_p(down, 9, r[i].es), n = 10000; /* at least a quarter has the sign */
        tap_near(r[i].p, p, 4 * sqrt(p * (1 - p) / n) + 1 / n,
                 "p of pair %zu is that of all 36 pairs, within 4 standard errors", i);
    }
    scp_gsea_sets_destroy(&g);
}

typedef struct prerank {
    scp_tsv *rank, *want;
    scp_gmt *gmt;
    char **name;
    double *score;
    size_t G, n;
} prerank;

static void prerank_open(prerank *p)
{
    char path[SCP_PATH_MAX];
    tap_st(scp_tsv_read(golden("gsea_rank.tsv", path), &p->rank), "a ranked list");
    tap_st(scp_tsv_read(golden("gsea.tsv", path), &p->want), "gseapy's table");
    tap_st(scp_gmt_read(golden("gsea_sets.gmt", path), &p->gmt), "its sets");
    p->G = scp_tsv_n_rows(p->rank);
    p->n = scp_tsv_n_rows(p->want);
    p->name = calloc(p->G, sizeof *p->name);
    p->score = calloc(p->G, sizeof *p->score);
    for (size_t i = 0; i < p->G; i++) {
        p->name[i] = (char *)(uintptr_t)scp_tsv_text(p->rank, i, 0);
        if (scp_tsv_real(p->rank, i, 1, &p->score[i]) != SCP_OK) tap_ok(false, "score %zu", i);
    }
}

static void prerank_close(prerank *p)
{
    free(p->name);
    free(p->score);
    scp_gmt_destroy(&p->gmt);
    scp_tsv_destroy(&p->rank);
    scp_tsv_destroy(&p->want);
}

static double want(const prerank *p, size_t i, const char *column)
{
    size_t c;
    double v = NAN;
    if (scp_tsv_column(p->want, column, &c) == SCP_OK && scp_tsv_real(p->want, i, c, &v) != SCP_OK)
        v = NAN;
    return v;
}

/* Both p are counts over random sets, about half of them of the set's sign. */
static void check_against_gseapy(const prerank *p, size_t i, const scp_gsea_result *r, double n)
{
    double q = want(p, i, "p"), pooled = (q + r->p) / 2, half = n / 3;
    const char *name = scp_tsv_text(p->want, i, 0);
    tap_near(r->es, want(p, i, "es"), 1e-5, "%s: ES", name);
    tap_near(r->p, q, 4 * sqrt(2 * pooled * (1 - pooled) / half) + 2 / half,
             "%s: p, within 4 standard errors of two samples", name);
    tap_near(r->nes / want(p, i, "nes"), 1, 0.03, "%s: NES, whose scale is a mean of the null",
             name);
    tap_near(r->fdr, want(p, i, "fdr"), 0.02 + 0.1 * r->fdr, "%s: FDR", name);
}

static void test_gseapy(void)
{
    prerank p = { 0 };
    scp_gsea_settings s = plain;
    scp_gsea_sets *g = NULL;
    prerank_open(&p);
    scp_gsea_result *r = calloc(p.n, sizeof *r), *down = calloc(p.n, sizeof *r), one;
    s.permutations = 10000;
    s.min_size = 5;
    tap_st(scp_gsea_sets_create(p.gmt, p.name, p.G, &s, &g), "sets on the list");
    tap_st(scp_gsea_run(g, p.score, r), "enrichment of %zu sets", p.n);
    for (size_t i = 0; i < p.n; i++) check_against_gseapy(&p, i, &r[i], 10000);

    double *sum = calloc(p.G, sizeof *sum), worst = 0;
    uint32_t hit[500];
    for (size_t i = 0; i < p.n; i++) {
        tap_st(scp_gsea_curve(g, p.score, i, sum, hit), "curve %zu", i);
        worst = fmax(worst, fabs(sum[r[i].peak] - r[i].es) + fabs(sum[p.G - 1]));
    }
    tap_near(worst, 0, 1e-12, "the curves have ES at the peak, and end at 0");
    for (size_t i = 0; i < p.G; i++) p.score[i] = -p.score[i];
    tap_st(scp_gsea_run(g, p.score, down), "the list upside down");
    for (size_t i = 0, bad = 0; i < p.n; i++) {
        bad += !(fabs(r[i].es + down[i].es) < 1e-12);
        if (i == p.n - 1) tap_ok(!bad, "turns the sign of every ES");
    }
    tap_st(scp_gsea_es(g, p.score, 3, &one), "ES alone");
    tap_near(one.es, down[3].es, 0, "is the same");
    free(sum);
    free(r);
    free(down);
    scp_gsea_sets_destroy(&g);
    prerank_close(&p);
}

/* A set's own figures do not depend on what else is in the file. */
static void test_independence(void)
{
    const double score[] = { 5, 4, 3, 2, 1, -1.5, -2.5, -3.5, -6, 0.5, 0.25, -0.75 };
    scp_gsea_result few[1], many[4];
    scp_gsea_sets *a = make("s\t\tb\td\tk\n", 12, &plain);
    scp_gsea_sets *b = make("t\t\ta\tc\nu\t\tl\tk\tj\ns\t\tb\td\tk\nv\t\ta\tl\te\tf\n", 12, &plain);
    tap_st(scp_gsea_run(a, score, few), "a set alone");
    tap_st(scp_gsea_run(b, score, many), "and among others");
    tap_ok(few[0].es == many[2].es && few[0].nes == many[2].nes && few[0].p == many[2].p,
           "ES, NES and p are the same bit for bit");
    scp_gsea_sets_destroy(&a);
    scp_gsea_sets_destroy(&b);
}

/* FDR of the set `name` alone and beside a set of one gene, whose null on this list has no value of
 * the sign of the first: it must not count. */
static void check_one_sided(const double *score, const char *alone, const char *beside)
{
    scp_gsea_result one, two[2];
    scp_gsea_sets *a = make(alone, 20, &plain), *b = make(beside, 20, &plain);
    tap_st(scp_gsea_run(a, score, &one), "a set alone");
    tap_st(scp_gsea_run(b, score, two), "and beside a set of one gene");
    tap_ok((two[0].nes > 0) != (two[1].nes > 0), "of the other sign");
    tap_ok(one.fdr < 0.5, "its FDR is small: %g", one.fdr);
    tap_near(two[0].fdr, one.fdr, 1e-15, "a size without a null of the sign adds nothing to it");
    scp_gsea_sets_destroy(&a);
    scp_gsea_sets_destroy(&b);
}

/* Half of the scores are 0: random sets of one gene have no step there, and one sign elsewhere. */
static void test_one_sided(void)
{
    double score[20];
    for (int i = 0; i < 20; i++) score[i] = i < 10 ? 0 : -(i - 9);
    check_one_sided(score, "s\t\ta\tb\tc\td\te\tf\tg\tk\n",
                    "s\t\ta\tb\tc\td\te\tf\tg\tk\none\t\tt\n");
    for (int i = 0; i < 20; i++) score[i] = -score[i];
    check_one_sided(score, "s\t\tk\td\te\tf\tg\th\ti\tj\n",
                    "s\t\tk\td\te\tf\tg\th\ti\tj\none\t\tt\n");
}

static void test_agreement(void)
{
    const scp_gsea_result t[] = { { .nes = 2, .fdr = 0.01 },
                                  { .nes = 1, .fdr = 0.5 },
                                  { .nes = -1.5, .fdr = 0.25 },
                                  { .nes = NAN, .fdr = NAN },
                                  { .nes = -1, .fdr = 0.9 } };
    scp_gsea_result p[5];
    scp_gsea_agreement a;
    memcpy(p, t, sizeof p);
    tap_st(scp_gsea_compare(t, t, 5, 0.25, &a), "an enrichment with itself");
    tap_ok(a.n == 4 && a.n_true == 2 && a.n_pred == 2 && a.n_both == 2, "counts");
    tap_near(a.pearson + a.spearman + a.same_sign + a.jaccard, 4, 1e-12, "agrees wholly");
    p[0].nes = -2; /* enriched on both sides, but in the other direction */
    p[1] = (scp_gsea_result){ .nes = 1.7, .fdr = 0.1 };
    tap_st(scp_gsea_compare(t, p, 5, 0.25, &a), "with another");
    tap_near(a.same_sign, 0.75, 1e-15, "one sign of four differs");
    tap_ok(a.n_true == 2 && a.n_pred == 3 && a.n_both == 1, "a turned sign is no agreement");
    tap_near(a.jaccard, 0.25, 1e-15, "one of four in either");
    tap_near(a.spearman, -0.2, 1e-12, "Spearman of (4,3,1,2) and (1,4,2,3)");
}

int main(void)
{
    test_closed_forms();
    test_ties_and_power();
    test_messages();
    test_exact_null();
    test_gseapy();
    test_independence();
    test_one_sided();
    test_agreement();
    return tap_done();
}
