/* Enrichment of every condition of a split, see enrichment.h. */
#include "report/enrichment.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* What travels of one result. */
enum { FIELDS = 5 };

static void pack(const scp_gsea_result *r, double v[FIELDS])
{
    v[0] = r->es;
    v[1] = r->nes;
    v[2] = r->p;
    v[3] = r->fdr;
    v[4] = (double)r->peak;
}

static scp_gsea_result unpack(const double v[FIELDS])
{
    return (
        scp_gsea_result){ .es = v[0], .nes = v[1], .p = v[2], .fdr = v[3], .peak = (size_t)v[4] };
}

/* Conditions [begin, end): mine [.., 2, n_sets, FIELDS]. */
static scp_status score_part(const scp_enrichment *e, scp_profiles *p, size_t begin, size_t end,
                             double pseudo, double *mine)
{
    double *score = NULL;
    scp_gsea_result *r = NULL;
    scp_status st = SCP_OK;
    SCP_GOTO(done, scp_alloc(p->G, sizeof *score, &score));
    SCP_GOTO(done, scp_alloc(e->n_sets, sizeof *r, &r));
    for (size_t i = begin; i < end; i++)
        for (size_t side = 0; side < 2; side++) {
            SCP_GOTO(done, scp_profiles_logfc(p, i, side == 1, pseudo, score));
            SCP_GOTO(done, scp_gsea_run(e->sets, score, r));
            for (size_t k = 0; k < e->n_sets; k++, mine += FIELDS) pack(&r[k], mine);
        }
done:
    free(score);
    free(r);
    return st;
}

static scp_status take_all(scp_enrichment *e, const double *all)
{
    SCP_TRY(scp_alloc(e->n * e->n_sets, sizeof *e->truth, &e->truth));
    SCP_TRY(scp_alloc(e->n * e->n_sets, sizeof *e->pred, &e->pred));
    for (size_t i = 0; i < e->n; i++)
        for (size_t k = 0; k < e->n_sets; k++) {
            e->truth[i * e->n_sets + k] = unpack(all + ((2 * i) * e->n_sets + k) * FIELDS);
            e->pred[i * e->n_sets + k] = unpack(all + ((2 * i + 1) * e->n_sets + k) * FIELDS);
        }
    return SCP_OK;
}

static scp_status compare(scp_enrichment *e, double fdr)
{
    SCP_TRY(scp_alloc(e->n * SCP_AGREEMENT, sizeof *e->agreement, &e->agreement));
    for (size_t i = 0; i < e->n; i++) {
        scp_gsea_agreement a;
        double *v = e->agreement + i * SCP_AGREEMENT;
        SCP_TRY(scp_gsea_compare(e->truth + i * e->n_sets, e->pred + i * e->n_sets, e->n_sets, fdr,
                                 &a));
        v[SCP_AGREE_PEARSON] = a.pearson;
        v[SCP_AGREE_SPEARMAN] = a.spearman;
        v[SCP_AGREE_SIGN] = a.same_sign;
        v[SCP_AGREE_JACCARD] = a.jaccard;
        v[SCP_AGREE_TRUE] = (double)a.n_true;
        v[SCP_AGREE_PRED] = (double)a.n_pred;
        v[SCP_AGREE_BOTH] = (double)a.n_both;
    }
    return SCP_OK;
}

/* Read the part of this rank and score it; *mine owned by the caller. */
static scp_status work(scp_comm *comm, const char *run, const char *split, const char *model,
                       const scp_gmt *gmt, const scp_gsea_settings *s, double pseudo,
                       scp_enrichment *e, double **mine, size_t *n)
{
    scp_profiles p = { 0 };
    size_t begin, end;
    scp_status st = SCP_OK;
    SCP_GOTO(done, scp_profiles_open(run, split, model, &p));
    e->n = p.n;
    scp_comm_share(comm, p.n, &begin, &end);
    st = scp_gsea_sets_create(gmt, p.gene, p.G, s, &e->sets);
    if (st == SCP_EDATA) { /* of another species or kind of names: the same on every rank */
        st = scp_str_format(e->why, sizeof e->why, "%.1000s", scp_err_message());
        scp_err_clear();
    }
    if (st != SCP_OK || !e->sets) goto done;
    e->n_sets = scp_gsea_count(e->sets);
    *n = (end - begin) * 2 * e->n_sets * FIELDS;
    SCP_GOTO(done, scp_alloc(*n, sizeof **mine, mine));
    st = score_part(e, &p, begin, end, pseudo, *mine);
done:
    scp_profiles_close(&p);
    return st;
}

scp_status scp_enrichment_run(scp_comm *comm, const char *run, const char *split, const char *model,
                              const scp_gmt *gmt, const scp_gsea_settings *s, double pseudo,
                              scp_enrichment *e)
{
    double *mine = NULL, *all = NULL;
    size_t n = 0;
    *e = (scp_enrichment){ 0 };
    scp_status st = scp_agree(comm, work(comm, run, split, model, gmt, s, pseudo, e, &mine, &n));
    if (st == SCP_OK && !e->n_sets) return SCP_OK; /* on every rank */
    if (st == SCP_OK)
        st = scp_comm_allgatherv(comm, mine, n, SCP_COMM_F64, (void **)&all, NULL, NULL);
    if (st == SCP_OK) st = take_all(e, all);
    if (st == SCP_OK) st = compare(e, s->fdr);
    free(mine);
    free(all);
    return scp_agree(comm, st);
}

void scp_enrichment_fini(scp_enrichment *e)
{
    scp_gsea_sets_destroy(&e->sets);
    free(e->truth);
    free(e->pred);
    free(e->agreement);
    *e = (scp_enrichment){ 0 };
}

static scp_status add_result(scp_strbuf *out, const scp_gsea_result *r)
{
    const double v[] = { r->es, r->nes, r->p, r->fdr };
    for (size_t i = 0; i < sizeof v / sizeof v[0]; i++)
        SCP_TRY(scp_strbuf_addf(out, "\t%.6g", v[i]));
    return SCP_OK;
}

scp_status scp_enrichment_long(const scp_enrichment *e, const scp_profiles *p, scp_strbuf *out)
{
    SCP_TRY(scp_strbuf_addf(out,
                            "cell_line\tdrug\tdose_uM\tplate\tset\tsize\tes_true\tnes_true\tp_true"
                            "\tfdr_true\tes_pred\tnes_pred\tp_pred\tfdr_pred\n"));
    for (size_t i = 0; i < e->n; i++)
        for (size_t k = 0; k < e->n_sets; k++) {
            SCP_TRY(scp_strbuf_addf(out, "%s\t%s\t%g\t%s\t%s\t%zu",
                                    scp_names_get(p->line, (size_t)p->l[i]),
                                    scp_names_get(p->drug, (size_t)p->d[i]), p->dose[i],
                                    scp_names_get(p->plate, (size_t)p->p[i]),
                                    scp_gsea_name(e->sets, k), scp_gsea_size(e->sets, k)));
            SCP_TRY(add_result(out, &e->truth[i * e->n_sets + k]));
            SCP_TRY(add_result(out, &e->pred[i * e->n_sets + k]));
            SCP_TRY(scp_strbuf_addn(out, "\n", 1));
        }
    return SCP_OK;
}
