/* Options of scppdm_report, and the program. */
#ifndef SCP_APP_OPT_REPORT_H
#define SCP_APP_OPT_REPORT_H

#include "report/report.h"

/* Rows over scp_report_settings. */
extern const scp_option_group scp_report_options[];

extern const char scp_report_description[];

/** The program: make the report, print the path of the page. Collective. */
scp_status scp_report_program(scp_comm *comm, const scp_report_settings *s,
                              const scp_text_list *runs) SCP_MUST_USE;

#endif
