/* A look at the inputs of scppdm_prep before any of them is read. */
#ifndef SCP_DATA_PREP_INPUTS_H
#define SCP_DATA_PREP_INPUTS_H

#include "data/prep_plan.h"

/** Rank 0 rehearses the reading of every input in a process of its own (settings.probe), see
 *  io/h5_probe.h. SCP_EDATA names the file and what of it cannot be read. Collective. */
scp_status scp_prep_inputs_look(scp_comm *comm, const scp_prep_plan *p) SCP_MUST_USE;

#endif
