/* Drugs and their structures: SMILES from the drug table or the obs columns, fingerprints and
 * parent groups from RDKit. */
#ifndef SCP_DATA_STRUCTURES_H
#define SCP_DATA_STRUCTURES_H

#include "chem/drug_table.h"
#include "chem/morgan.h"
#include "data/keys.h"

/* One entry per drug of the keys. Zero-initialise, scp_structures_fini. */
typedef struct scp_structures {
    size_t n;
    char **smiles; /* [n] "" when there is none                                    */
    char **moa;    /* [n] "" when unknown                                          */
    char **why;    /* [n] NULL: usable; otherwise why not, for the manifest        */
    uint8_t *fp;   /* [n, SCP_MORGAN_BITS]                                         */
    int32_t *parent; /* [n] parent group, -1 when unusable                         */
    size_t n_parents;
    char **parent_name; /* [n_parents] sorted                                      */
    size_t joined; /* groups that only share a fingerprint and were joined         */
} scp_structures;

/** Find and parse every drug. The table comes first, the obs column second. Drugs with one parent,
 *  or with bit-identical fingerprints, form one group: no model that sees fingerprints could tell
 *  them apart, so they must not be divided between training and test.
 *  @param table  may be NULL. Not collective. */
scp_status scp_structures_resolve(const scp_keys *keys, const scp_drug_table *table,
                                  scp_structures *out) SCP_MUST_USE;
void scp_structures_fini(scp_structures *s);

#endif
