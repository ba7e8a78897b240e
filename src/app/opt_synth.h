/* Options and report of scppdm_synth. */
#ifndef SCP_APP_OPT_SYNTH_H
#define SCP_APP_OPT_SYNTH_H

#include "conf/option.h"
#include "data/synth.h"

/* Rows over an scp_synth_config. Numbers are -1 by default: preset and profile decide. */
extern const scp_option scp_synth_options[];

/** Take the output folder from the operands, which must be one, and when no drug table was named,
 *  the first file of `tables` (paths separated by ":", relative ones seen from the program's
 *  folder) that exists. SCP_EUSAGE. Not collective. */
scp_status scp_synth_options_finish(scp_synth_config *c, const scp_text_list *operands,
                                    const char *tables) SCP_MUST_USE;

/** The report as a table. Appends. */
scp_status scp_synth_report_text(const scp_synth_report *r, scp_strbuf *out) SCP_MUST_USE;

/** The program: finish the options, write the screen, print the report on rank 0. Collective. */
scp_status scp_synth_program(scp_comm *comm, scp_synth_config *c, const scp_text_list *operands,
                             const char *tables) SCP_MUST_USE;

#endif
