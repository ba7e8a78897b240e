/* A look at the inputs of scppdm_prep before any of them is read. */
#ifndef SCP_DATA_PREP_INPUTS_H
#define SCP_DATA_PREP_INPUTS_H

#include "data/prep_plan.h"

/** With settings.check_inputs all ranks compare the inputs with the checksums that lie beside them
 *  (base/sums.h). With settings.probe rank 0 rehearses the reading of every input in a process of
 *  its own (io/h5_probe.h). SCP_EDATA names the file and what of it is wrong; SCP_ENOINPUT a
 *  file that is not there, or has no checksum. Collective. */
scp_status scp_prep_inputs_look(scp_comm *comm, const scp_prep_plan *p) SCP_MUST_USE;

/** The rehearsal of --inspect. SCP_EDATA. Not collective. */
scp_status scp_prep_inputs_probe(const scp_prep_settings *s, char *const *path, size_t n)
    SCP_MUST_USE;

#endif
