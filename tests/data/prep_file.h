/* One file through scppdm_prep, for tests that compare every profile. */
#ifndef SCP_TESTS_DATA_PREP_FILE_H
#define SCP_TESTS_DATA_PREP_FILE_H

#include "comm/comm.h"
#include "io/dataset.h"

/** Prepare one file as Tahoe's plates are, but with all of its genes in their order, keys of one
 *  cell, no test split, no rehearsal; then "key=value;key=value" settings. `drugs` is a drug table
 *  or NULL. d: scp_dataset_fini. Collective. */
scp_status prep_file(scp_comm *comm, const char *input, const char *settings, const char *drugs,
                     scp_dataset *d) SCP_MUST_USE;

#endif
