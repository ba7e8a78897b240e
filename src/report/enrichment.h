/* Enrichment of every condition of a split, truth and prediction. */
#ifndef SCP_REPORT_ENRICHMENT_H
#define SCP_REPORT_ENRICHMENT_H

#include "comm/comm.h"
#include "eval/gsea.h"
#include "report/profiles.h"

typedef struct scp_enrichment {
    size_t n, n_sets;
    scp_gsea_sets *sets;
    scp_gsea_result *truth, *pred; /* [n, n_sets] every condition, on every rank */
    double *agreement;             /* [n, SCP_AGREEMENT] see below              */
    char why[1024];                /* n_sets 0: why no gene set fits these genes */
} scp_enrichment;

/* Figures of the agreement of a condition. */
enum {
    SCP_AGREE_PEARSON,
    SCP_AGREE_SPEARMAN,
    SCP_AGREE_SIGN,
    SCP_AGREE_JACCARD,
    SCP_AGREE_TRUE, /* sets enriched in the truth */
    SCP_AGREE_PRED,
    SCP_AGREE_BOTH,
    SCP_AGREEMENT
};

/** Rank the genes of every condition by logFC (pseudo-count `pseudo`) and score the sets, each rank
 *  its part of the conditions. The same on any number of ranks. Where no set fits the genes,
 *  n_sets is 0 and nothing is scored. Collective. e: scp_enrichment_fini in any case. */
scp_status scp_enrichment_run(scp_comm *comm, const char *run, const char *split, const char *model,
                              const scp_gmt *gmt, const scp_gsea_settings *s, double pseudo,
                              scp_enrichment *e) SCP_MUST_USE;
void scp_enrichment_fini(scp_enrichment *e);

/** Every result as a long table, appended: condition, set, size, ES, NES, p, FDR of both. */
scp_status scp_enrichment_long(const scp_enrichment *e, const scp_profiles *p,
                               scp_strbuf *out) SCP_MUST_USE;

#endif
