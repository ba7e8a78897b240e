/* Pairing: which keys become profiles, and which vehicle profile is the control of each. */
#ifndef SCP_DATA_PAIR_H
#define SCP_DATA_PAIR_H

#include "io/dataset.h"
#include "data/keys.h"
#include "data/structures.h"

/* Why a key is left out; a key counts under the first reason that holds. */
typedef enum scp_left {
    SCP_LEFT_NONE,         /* kept                                                    */
    SCP_LEFT_NO_STRUCTURE, /* the drug has no structure, or one that RDKit rejects    */
    SCP_LEFT_FEW_CELLS,    /* fewer cells than min_cells                              */
    SCP_LEFT_NO_CONTROL,   /* no vehicle key of the same (line, plate) that is kept   */
    SCP_LEFT_COUNT
} scp_left;

/** "no_structure", "few_cells", "no_control"; "" for kept keys. */
const char *scp_left_name(scp_left why);

typedef struct scp_pairing {
    uint8_t *left;                /* [keys] scp_left                              */
    size_t n_left[SCP_LEFT_COUNT];/* keys by reason                               */
    size_t P;
    int32_t *profile_key;         /* [P] key of a profile, in the order of keys   */
    int32_t *key_profile;         /* [keys] profile of a key, -1 when left out    */
} scp_pairing;

/** Decide, and fill every table of `d` but genes, matrices, sub-bulks and splits (all pairs are
 *  training pairs at first). A treated key is paired with the vehicle profile of the same cell line
 *  on the same plate. Lines, drugs, plates and parents that no profile refers to do not appear.
 *  p_cells are the planned cells. SCP_EDATA when no pair is left. out, d: zeroed; _fini frees.
 *  Not collective. */
scp_status scp_pair(const scp_keys *keys, const scp_structures *drugs, int64_t min_cells,
                    scp_pairing *out, scp_dataset *d) SCP_MUST_USE;
void scp_pairing_fini(scp_pairing *p);

#endif
