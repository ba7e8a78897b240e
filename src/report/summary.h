/* Score tables from the summary.json of a run (scppdm_eval). Not collective. */
#ifndef SCP_REPORT_SUMMARY_H
#define SCP_REPORT_SUMMARY_H

#include <stdbool.h>

#include "base/json.h"
#include "eval/metrics.h"
#include "report/table.h"

typedef struct scp_summary scp_summary;

/** Read <run>/eval/summary.json. *out NULL when there is none. SCP_EDATA: not a summary, with the
 *  way out. *out: scp_summary_close. */
scp_status scp_summary_open(const char *run, scp_summary **out) SCP_MUST_USE;
void scp_summary_close(scp_summary **s);

/** Pseudo-count of the logFC, and whether some model was scored on the split. */
double scp_summary_pseudo(const scp_summary *s);
bool scp_summary_has(const scp_summary *s, const char *split);

/** Mean share of the DEG sets that paired t-tests find at this false discovery rate [paper 4.1.2];
 *  false when the split was not tested. */
bool scp_summary_deg_share(const scp_summary *s, const char *split, double *mean, double *fdr);

/** The columns that names of metrics stand for, overlaps of any K among them: titles, best
 *  values. */
void scp_summary_columns(const scp_names *names, scp_metric_columns *cols);

typedef enum scp_summary_part {
    SCP_SUMMARY_PAPER,     /* the rows of the paper's Tables 1 to 4, EV as mean and as median */
    SCP_SUMMARY_REST,      /* every other metric                                              */
    SCP_SUMMARY_DOSE,      /* how effects follow the dose                                     */
    SCP_SUMMARY_OF_WITHIN, /* mean scores as a fraction of the within-well ceiling        */
    SCP_SUMMARY_OF_BETWEEN /* ... of the between-plate ceiling                            */
} scp_summary_part;

/** One table of a split: one row a model, one column a metric. Figures that a model does not have
 *  are NaN; rows that are no candidates (ceilings) are not ranked.
 *  @param mean  figures are means over conditions, else medians. *found: it has a column.
 *  t: scp_table_fini in any case. */
scp_status scp_summary_table(const scp_summary *s, const char *split, scp_summary_part part,
                             bool mean, scp_table *t, bool *found) SCP_MUST_USE;

/** All figures of all models and splits as a long table, appended: split, model, metric, mean,
 *  median, their intervals where the summary has them, n, n_nan. */
scp_status scp_summary_long(const scp_summary *s, const char *run, scp_strbuf *out) SCP_MUST_USE;

#endif
