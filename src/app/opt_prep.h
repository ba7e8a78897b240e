/* Settings of scppdm_prep as an option table. */
#ifndef SCP_APP_OPT_PREP_H
#define SCP_APP_OPT_PREP_H

#include "conf/option.h"
#include "data/prep.h"

/** Rows over an scp_prep_settings. */
extern const scp_option_group scp_prep_options[];

/** Paragraphs for --help and the manual page. */
extern const char scp_prep_description[];

#endif
