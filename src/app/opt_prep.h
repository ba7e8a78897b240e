/* Settings of scppdm_prep as an option table. */
#ifndef SCP_APP_OPT_PREP_H
#define SCP_APP_OPT_PREP_H

#include "comm/comm.h"
#include "conf/option.h"
#include "data/prep.h"

/** Rows over an scp_prep_settings. */
extern const scp_option_group scp_prep_options[];

/** Paragraphs for --help and the manual page. */
extern const char scp_prep_description[];

/** The whole program: prepare a shard from the files, or describe them on stdout
 *  (settings.inspect), or check a shard (settings.verify). Collective. */
scp_status scp_prep_program(scp_comm *comm, const scp_prep_settings *s,
                            const scp_text_list *files) SCP_MUST_USE;

#endif
