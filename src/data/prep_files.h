/* The files of a run of scppdm_prep: where parts lie, what keeps a second run away, what a run that
 * was killed has left. Rank 0 touches them. Only src/data. */
#ifndef SCP_DATA_PREP_FILES_H
#define SCP_DATA_PREP_FILES_H

#include "data/prep.h"
#include "io/run_lock.h"

typedef struct scp_prep_files {
    char parts[SCP_PATH_MAX];   /* folder of the parts, on every rank */
    bool locked;                /* rank 0: the lock of the parts works */
    scp_run_lock *output, *own; /* rank 0: of the output, of the parts */
} scp_prep_files;

/** Names from the settings, the same on every rank. SCP_EUSAGE. */
scp_status scp_prep_files_name(const scp_prep_settings *s, scp_prep_files *f) SCP_MUST_USE;

/** Rank 0: check that the output can be written, take both locks, remove temporaries of the output
 *  that dead runs left. SCP_ERETRY when another run has a lock. Not collective. */
scp_status scp_prep_files_begin(const scp_prep_settings *s, scp_prep_files *f) SCP_MUST_USE;
/** Give the locks back and remove the folder of the parts if it is empty. */
void scp_prep_files_end(scp_prep_files *f);

#endif
