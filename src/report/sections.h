/* The sections of a report, run by run. Private to src/report. */
#ifndef SCP_REPORT_SECTIONS_H
#define SCP_REPORT_SECTIONS_H

#include "report/page.h"
#include "report/report.h"

/** Add every section to the page (used on rank 0). Collective. */
scp_status scp_sections_add(scp_comm *comm, const scp_report_settings *s, char *const *run,
                            size_t n_runs, scp_page *p) SCP_MUST_USE;

#endif
