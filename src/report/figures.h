/* The figures of a report. Each makes its data and script and puts them on the page, or says what
 * is missing. Rank 0 only unless said otherwise. Private to src/report. */
#ifndef SCP_REPORT_FIGURES_H
#define SCP_REPORT_FIGURES_H

#include "comm/comm.h"
#include "report/page.h"
#include "report/profiles.h"
#include "report/report.h"

/* What a figure is made for. */
typedef struct scp_report_run {
    const scp_report_settings *s;
    const char *run; /* folder                                                */
    char model[128]; /* whose predictions of the split are shown, "" for none */
    char prefix[32]; /* of the files of its figures and tables                */
    char label[48];  /* before headings when there are several runs           */
    double pseudo;   /* pseudo-count of logFC that the scores were made with  */
    scp_page *p;
} scp_report_run;

/** "Unseen combinations (UC)". */
const char *scp_split_title(const char *split);

/** Predicted and true profiles laid out together, coloured by cell line [paper Figure 3]. */
scp_status scp_fig_lines(const scp_report_run *r, const char *split, scp_profiles *p) SCP_MUST_USE;
/** Violins of predicted and true logFC of the most changed genes of chosen lines [Figure 3]. */
scp_status scp_fig_violins(const scp_report_run *r, const char *split,
                           scp_profiles *p) SCP_MUST_USE;
/** Embedding of the drugs coloured by mechanism, and its measures [Figure 6]. */
scp_status scp_fig_moa(const scp_report_run *r) SCP_MUST_USE;
/** Size of the effect against the dose, from <run>/eval/<split>/results.csv. */
scp_status scp_fig_dose(const scp_report_run *r, const char *split) SCP_MUST_USE;
/** Losses, learning rate, gradient and validation of every stage in <run>/metrics*.jsonl. */
scp_status scp_fig_training(const scp_report_run *r) SCP_MUST_USE;
/** Bars of the full model and the ablations over all runs [Figure 4], and the table. */
scp_status scp_fig_ablations(const scp_report_settings *s, char *const *run, size_t n_runs,
                             scp_page *p) SCP_MUST_USE;

/** Enrichment of gene sets in true and predicted rankings of a split: agreement over all
 *  conditions, running sums of one [paper App. H.1, Figure 5]. Conditions are dealt to ranks; the
 *  page is used on rank 0. Collective. */
scp_status scp_fig_enrichment(scp_comm *comm, const scp_report_run *r, const char *split,
                              const scp_gmt *gmt) SCP_MUST_USE;

/* Helpers of the figures. */

/** Append "array NAME[n] = ['...', ...]" with names as gnuplot texts. */
scp_status scp_gnuplot_array(scp_strbuf *script, const char *name, const char *const *text,
                             size_t n) SCP_MUST_USE;

/** Append at most `most` characters of a name, cut at a whole one and then followed by an ellipsis.
 */
scp_status scp_short_text(scp_strbuf *b, const char *name, size_t most) SCP_MUST_USE;

/** The same for a cell line, with report.line_unit behind it. */
scp_status scp_line_text(const scp_report_run *r, scp_strbuf *b, const char *line,
                         size_t most) SCP_MUST_USE;

/** A round distance of tics, 1, 2 or 5 times a power of ten, of which `most` at most lie in a
 *  range; 1 where the range is not positive and finite. */
double scp_tic_step(double range, int most);

/* Classes of points for a legend of at most 12 colours: the largest ones, then "other". */
typedef struct scp_classes {
    size_t n;        /* coloured classes */
    int32_t *of;     /* [points] class, n: other */
    char *title[12]; /* "A549 (12)"; the names' own texts are borrowed from nobody */
    size_t other;    /* points of no class */
} scp_classes;

/** @param label  [n] index into name, -1: other   @param least  points a class needs */
scp_status scp_classes_make(const int32_t *label, size_t n, const char *const *name, size_t n_names,
                            size_t least, scp_classes *out) SCP_MUST_USE;
void scp_classes_fini(scp_classes *c);

#endif
