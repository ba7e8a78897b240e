/* What the definition of the discrimination scores (pds.c) shares with their fast form
 * (pds_line.c). Private to src/eval. */
#ifndef SCP_EVAL_PDS_IMPL_H
#define SCP_EVAL_PDS_IMPL_H

#include <stdbool.h>

#include "eval/pds.h"

enum { SCP_PDS_L1, SCP_PDS_L2, SCP_PDS_COSINE, SCP_PDS_KINDS };

/* Labels nearer than the own one, by distance; a tie counts half. */
typedef struct scp_pds_places {
    double own[SCP_PDS_KINDS], k[SCP_PDS_KINDS];
    bool unknown; /* a distance is not finite */
} scp_pds_places;

/** The three distances of f [G] and r [G], that of L2 squared; drop [G] or NULL. */
void scp_pds_distances(const double *f, const double *r, size_t G, const uint8_t *drop,
                       double d[SCP_PDS_KINDS]);

/** Count a label at distances d. */
void scp_pds_count(scp_pds_places *p, const double d[SCP_PDS_KINDS]);

/** Scores among N labels. */
scp_pds_scores scp_pds_scores_of(const scp_pds_places *p, size_t N);

#endif
