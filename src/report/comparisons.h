/* The paired comparisons of models on the page. Private to src/report. */
#ifndef SCP_REPORT_COMPARISONS_H
#define SCP_REPORT_COMPARISONS_H

#include "report/figures.h"

/** The first model against each other one on a split, from <run>/eval/comparisons.tsv: heading,
 *  table of differences with their intervals and q, and its rows as comparisons_<split>.tsv.
 *  Nothing when the run has no such file or the file nothing of the split. Rank 0. */
scp_status scp_comparisons_add(const scp_report_run *r, const char *split) SCP_MUST_USE;

#endif
