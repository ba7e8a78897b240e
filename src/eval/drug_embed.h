/* The vectors that a trained model gives to drugs [paper eq. 5-6, App. H.2]. Not collective. */
#ifndef SCP_EVAL_DRUG_EMBED_H
#define SCP_EVAL_DRUG_EMBED_H

#include "dev/device.h"
#include "io/dataset.h"

/** Dose-fused drug vector of every drug of d at one dose (uM), as the network of a run's training
 *  has it.
 *  @param d  tables of the shard of the run; the profiles are not needed
 *  @return SCP_ENOINPUT: the run has no trained network; SCP_EDATA: trained on another shard.
 *          *out [n_drugs, *dim] owned by the caller. */
scp_status scp_drug_embed(scp_device *dev, const scp_dataset *d, const char *run_dir, double dose,
                          float **out, size_t *dim) SCP_MUST_USE;

#endif
