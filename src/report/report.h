/* The report of runs: one HTML page that needs nothing beside it, and the files behind it (tables
 * as .tsv, figures as .tsv + gnuplot script + .svg), from the files of run folders.
 *
 * Rank 0 writes; the enrichment of conditions is dealt to ranks. What a run does not have (a split,
 * a data set, gene sets, gnuplot) leaves out its figures and is named on the page. */
#ifndef SCP_REPORT_REPORT_H
#define SCP_REPORT_REPORT_H

#include "comm/comm.h"
#include "conf/option.h"
#include "eval/gsea.h"
#include "eval/moa.h"
#include "eval/umap.h"

typedef struct scp_report_settings {
    char *output; /* folder of the report; NULL: <first run>/report           */
    char *title;
    char *model;             /* whose predicted profiles are shown; NULL: scppdm, or the first */
    char *shard;             /* data set with the mechanisms of the drugs; NULL: the run's */
    char *device;            /* that computes the embedding of the drugs                 */
    scp_text_list splits;    /* "uc", "ud", ...                                          */
    int statistic;           /* of the score tables: 0 median, 1 mean                    */
    scp_text_list lines;     /* cell lines of the violins; empty: those with most conditions */
    char *line_unit;         /* after names of cell lines in figures; NULL: nothing       */
    int64_t violin_genes;    /* genes a violin figure shows                              */
    int64_t dose_curves;     /* (line, drug) that are drawn                              */
    char *gene_sets;         /* GMT file; NULL: no enrichment                            */
    scp_text_list show_sets; /* gene sets whose curves are drawn; empty: the strongest   */
    scp_gsea_settings gsea;
    scp_umap_settings umap;
    scp_moa_settings moa;
    char *gnuplot; /* program                                                  */
    bool draw;     /* false: data and scripts are written, nothing is drawn    */
} scp_report_settings;

/** Make the report of the runs.
 *  @param run    [n_runs] run folders; the first names the default output
 *  @param page   [size] path of the page, on every rank
 *  @return SCP_ENOINPUT when a folder is missing or holds nothing to report; SCP_EDATA names a file
 *          that cannot be read and where. Collective. */
scp_status scp_report_make(scp_comm *comm, const scp_report_settings *s, char *const *run,
                           size_t n_runs, char *page, size_t size) SCP_MUST_USE;

#endif
