/* Agreement of two enrichments, see gsea.h. */
#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "eval/gsea.h"
#include "eval/stats.h"

static bool enriched(const scp_gsea_result *r, double fdr)
{
    return !isnan(r->fdr) && r->fdr <= fdr;
}

/* NES of the sets that have one on both sides: pair [2, n]. */
static size_t take_pairs(const scp_gsea_result *truth, const scp_gsea_result *pred, size_t n,
                         double fdr, double *pair, scp_gsea_agreement *out)
{
    size_t m = 0;
    for (size_t i = 0; i < n; i++) {
        if (isnan(truth[i].nes) || isnan(pred[i].nes)) continue;
        bool same = (truth[i].nes >= 0) == (pred[i].nes >= 0);
        pair[m] = truth[i].nes;
        pair[n + m++] = pred[i].nes;
        out->same_sign += same;
        out->n_true += enriched(&truth[i], fdr);
        out->n_pred += enriched(&pred[i], fdr);
        out->n_both += same && enriched(&truth[i], fdr) && enriched(&pred[i], fdr);
    }
    return m;
}

scp_status scp_gsea_compare(const scp_gsea_result *truth, const scp_gsea_result *pred, size_t n,
                            double fdr, scp_gsea_agreement *out)
{
    SCP_ARG(truth && pred && out, "two enrichments are required");
    double *pair = NULL;
    uint32_t *order = NULL;
    scp_sort_scratch scratch = { 0 };
    scp_status st = SCP_OK;
    *out = (scp_gsea_agreement){ 0 };
    SCP_GOTO(done, scp_alloc(4 * n, sizeof *pair, &pair));
    SCP_GOTO(done, scp_alloc(n, sizeof *order, &order));
    SCP_GOTO(done, scp_alloc(2 * n, sizeof *scratch.key, &scratch.key));
    SCP_GOTO(done, scp_alloc(2 * n, sizeof *scratch.index, &scratch.index));
    size_t m = out->n = take_pairs(truth, pred, n, fdr, pair, out);
    out->pearson = scp_pearson(pair, pair + n, m);
    for (size_t side = 0; side < 2; side++)
        scp_average_ranks(pair + side * n, m, scratch, order, pair + (2 + side) * n);
    out->spearman = scp_pearson(pair + 2 * n, pair + 3 * n, m);
    out->same_sign = m ? out->same_sign / (double)m : NAN;
    size_t either = out->n_true + out->n_pred - out->n_both;
    out->jaccard = either ? (double)out->n_both / (double)either : NAN;
done:
    free(pair);
    free(order);
    free(scratch.key);
    free(scratch.index);
    return st;
}
