/* Treatments of a data set, (drug, dose), and the fingerprint scaled by the dose that simple models
 * read them through: phi_s = phi log10(1 + dose), dose in uM (PRnet's encoding). Not collective. */
#ifndef SCP_MODEL_DRUG_LABEL_H
#define SCP_MODEL_DRUG_LABEL_H

#include "io/dataset.h"

typedef struct scp_drug_labels {
    size_t n;
    int32_t *drug;    /* [n]                                          */
    double *scale;    /* [n] log10(1 + dose)                          */
    int32_t *of_pair; /* [N] label of a pair, numbered as they appear */
} scp_drug_labels;

/** The treatments of all pairs of d, those held out included. out: scp_drug_labels_fini. */
scp_status scp_drug_labels_init(const scp_dataset *d, scp_drug_labels *out) SCP_MUST_USE;
void scp_drug_labels_fini(scp_drug_labels *l);

/** phi_s of a label: out [SCP_FP_BITS]. */
void scp_drug_labels_scaled(const scp_drug_labels *l, const scp_dataset *d, size_t label,
                            float *out);

#endif
