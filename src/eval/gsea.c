/* Gene set enrichment, see gsea.h. */
#include "eval/gsea_impl.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "eval/stats.h"

/* A sum that rises as far as it falls is a fall, whatever the rounding: there are such sets in
 * every list, at mirrored places. */
#define TIE 1e-12

/* A ranked list: the weight of every place, and the place of every gene. */
typedef struct ranking {
    double *weight;  /* [G] |score|^p, highest score first */
    uint32_t *place; /* [G] */
} ranking;

static void ranking_fini(ranking *r)
{
    free(r->weight);
    free(r->place);
}

static scp_status ranking_init(const scp_gsea_sets *g, const double *score, ranking *r)
{
    uint32_t *order = NULL;
    double *down = NULL;
    scp_sort_scratch scratch = { 0 };
    scp_status st = SCP_OK;
    *r = (ranking){ 0 };
    SCP_GOTO(done, scp_alloc(g->G, sizeof *r->weight, &r->weight));
    SCP_GOTO(done, scp_alloc(g->G, sizeof *r->place, &r->place));
    SCP_GOTO(done, scp_alloc(g->G, sizeof *order, &order));
    SCP_GOTO(done, scp_alloc(g->G, sizeof *down, &down));
    SCP_GOTO(done, scp_alloc(2 * g->G, sizeof *scratch.key, &scratch.key));
    SCP_GOTO(done, scp_alloc(2 * g->G, sizeof *scratch.index, &scratch.index));
    for (size_t i = 0; i < g->G; i++) {
        if (!isfinite(score[i]))
            SCP_FAIL_GOTO(done, SCP_EDATA, "the score of gene %zu is not finite", i);
        down[i] = -score[i];
    }
    scp_argsort(down, g->G, scratch, order);
    for (size_t i = 0; i < g->G; i++) {
        double size = fabs(score[order[i]]);
        r->place[order[i]] = (uint32_t)i;
        r->weight[i] = g->s.power == 1 ? size : pow(size, g->s.power);
    }
done:
    free(order);
    free(down);
    free(scratch.key);
    free(scratch.index);
    return st;
}

/* ES of the set at these k increasing places. The sum is extreme just before a hit or at one. */
static double es_at(const double *weight, size_t G, const uint32_t *place, size_t k, size_t *peak)
{
    double total = 0, up = 0, most = 0, least = 0;
    size_t most_at = 0, least_at = 0;
    for (size_t j = 0; j < k; j++) total += weight[place[j]];
    if (!(total > 0)) return NAN;
    double fall = 1.0 / (double)(G - k), rise = 1 / total;
    for (size_t j = 0; j < k; j++) {
        double down = (double)(place[j] - j) * fall, before = up * rise - down;
        if (before < least) {
            least = before;
            least_at = place[j] ? place[j] - 1 : 0;
        }
        up += weight[place[j]];
        if (up * rise - down > most) {
            most = up * rise - down;
            most_at = place[j];
        }
    }
    bool up_wins = most > -least + TIE;
    if (peak) *peak = up_wins ? most_at : least_at;
    return up_wins ? most : least;
}

static double es_of_set(const scp_gsea_sets *g, const ranking *r, size_t i, uint32_t *place,
                        size_t *peak)
{
    const scp_gsea_set *set = &g->set[i];
    for (size_t j = 0; j < set->k; j++) place[j] = r->place[set->gene[j]];
    qsort(place, set->k, sizeof *place, scp_gsea_by_index);
    return es_at(r->weight, g->G, place, set->k, peak);
}

/* ES of the random sets of each size, and their means by sign. */
typedef struct null_es {
    double *es;      /* [permutations] increasing; NaN (a sum without a step) left out */
    size_t n, n_up;  /* values; those >= 0 */
    double up, down; /* mean of those >= 0, and of the others; NaN without any */
} null_es;

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static scp_status null_init(const scp_gsea_sets *g, const scp_gsea_twins *t, const ranking *r,
                            null_es *out)
{
    double sum[2] = { 0, 0 };
    SCP_TRY(scp_alloc((size_t)g->s.permutations, sizeof *out->es, &out->es));
    for (size_t i = 0; i < (size_t)g->s.permutations; i++) {
        double es = es_at(r->weight, g->G, t->place + i * t->k, t->k, NULL);
        if (isnan(es)) continue;
        out->es[out->n++] = es;
        out->n_up += es >= 0;
        sum[es >= 0] += es;
    }
    qsort(out->es, out->n, sizeof *out->es, by_value);
    out->up = out->n_up ? sum[1] / (double)out->n_up : NAN;
    out->down = out->n > out->n_up ? sum[0] / (double)(out->n - out->n_up) : NAN;
    return SCP_OK;
}

/* How many of the sorted v [n] are below x, or not above it. */
static size_t count_below(const double *v, size_t n, double x, bool or_equal)
{
    size_t low = 0, high = n;
    while (low < high) {
        size_t mid = (low + high) / 2;
        if (v[mid] < x || (or_equal && v[mid] == x))
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

static void test_set(const null_es *null, scp_gsea_result *r)
{
    bool up = r->es >= 0;
    size_t n = up ? null->n_up : null->n - null->n_up;
    size_t b = up ? null->n - count_below(null->es, null->n, r->es, false)
                  : count_below(null->es, null->n, r->es, true);
    r->nes = up ? r->es / null->up : -r->es / null->down;
    r->p = isnan(r->es) ? NAN : (1 + (double)b) / (1 + (double)n);
}

/* NES of the null, all sets, one sign: how many of `total` are at least as extreme as nes. A size
 * whose null has none of the sign adds nothing: there is no mean to scale by. */
static void count_null(const scp_gsea_sets *g, const null_es *null, double nes, size_t *extreme,
                       size_t *total)
{
    *extreme = *total = 0;
    for (size_t i = 0; i < g->n; i++) {
        const null_es *of = &null[g->set[i].twin];
        if (nes >= 0 && of->n_up) {
            *total += of->n_up;
            *extreme += of->n - count_below(of->es, of->n, nes * of->up, false);
        } else if (nes < 0 && of->n > of->n_up) {
            *total += of->n - of->n_up;
            *extreme += count_below(of->es, of->n, -nes * of->down, true);
        }
    }
}

static void false_discoveries(const scp_gsea_sets *g, const null_es *null, scp_gsea_result *out)
{
    for (size_t i = 0; i < g->n; i++) {
        size_t extreme, total, beside = 0, all = 0;
        double nes = out[i].nes;
        out[i].fdr = NAN;
        if (isnan(nes)) continue;
        count_null(g, null, nes, &extreme, &total);
        for (size_t j = 0; j < g->n; j++) {
            if (isnan(out[j].nes) || (out[j].nes >= 0) != (nes >= 0)) continue;
            all++;
            beside += nes >= 0 ? out[j].nes >= nes : out[j].nes <= nes;
        }
        double share = total ? (double)extreme / (double)total : NAN;
        out[i].fdr = fmin(1, share * (double)all / (double)beside);
    }
}

scp_status scp_gsea_run(const scp_gsea_sets *g, const double *score, scp_gsea_result *out)
{
    SCP_ARG(g && score && out, "sets, scores and results are required");
    ranking r;
    null_es *null = NULL;
    uint32_t *place = NULL;
    scp_status st = SCP_OK;
    SCP_GOTO(done, ranking_init(g, score, &r));
    SCP_GOTO(done, scp_alloc(g->n_twins, sizeof *null, &null));
    SCP_GOTO(done, scp_alloc(g->G, sizeof *place, &place));
    for (size_t t = 0; t < g->n_twins; t++) SCP_GOTO(done, null_init(g, &g->twin[t], &r, &null[t]));
    for (size_t i = 0; i < g->n; i++) {
        out[i] = (scp_gsea_result){ 0 };
        out[i].es = es_of_set(g, &r, i, place, &out[i].peak);
        test_set(&null[g->set[i].twin], &out[i]);
    }
    false_discoveries(g, null, out);
done:
    for (size_t t = 0; null && t < g->n_twins; t++) free(null[t].es);
    free(null);
    free(place);
    ranking_fini(&r);
    return st;
}

scp_status scp_gsea_es(const scp_gsea_sets *g, const double *score, size_t i, scp_gsea_result *out)
{
    SCP_ARG(g && score && out && i < g->n, "sets, scores and a set are required");
    ranking r;
    uint32_t *place = NULL;
    scp_status st = SCP_OK;
    SCP_GOTO(done, ranking_init(g, score, &r));
    SCP_GOTO(done, scp_alloc(g->G, sizeof *place, &place));
    *out = (scp_gsea_result){ .nes = NAN, .p = NAN, .fdr = NAN };
    out->es = es_of_set(g, &r, i, place, &out->peak);
done:
    free(place);
    ranking_fini(&r);
    return st;
}

scp_status scp_gsea_curve(const scp_gsea_sets *g, const double *score, size_t i, double *sum,
                          uint32_t *hit)
{
    SCP_ARG(g && score && sum && hit && i < g->n, "sets, scores and a set are required");
    ranking r;
    double total = 0, at = 0;
    size_t k = g->set[i].k, next = 0;
    scp_status st = ranking_init(g, score, &r);
    if (st == SCP_OK) (void)es_of_set(g, &r, i, hit, NULL);
    for (size_t j = 0; st == SCP_OK && j < k; j++) total += r.weight[hit[j]];
    for (size_t place = 0; st == SCP_OK && place < g->G; place++) {
        bool member = next < k && hit[next] == place;
        at += member ? r.weight[place] / total : -1.0 / (double)(g->G - k);
        next += member;
        sum[place] = at;
    }
    ranking_fini(&r);
    return st;
}
