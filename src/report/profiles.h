/* True and predicted profiles of a split from the AnnData files of a run, matched by key. */
#ifndef SCP_REPORT_PROFILES_H
#define SCP_REPORT_PROFILES_H

#include <stdbool.h>

#include "base/str.h"

typedef struct scp_profiles {
    char model[128]; /* whose predictions they are                               */
    size_t G, n;     /* genes; conditions                                        */
    char **gene;     /* [G]                                                      */
    scp_names *line, *drug, *plate;
    int32_t *l, *d, *p; /* [n] of the condition: indices into these names          */
    double *dose;       /* [n] uM                                                   */
    int32_t *pre;       /* [n] row of control                                       */
    size_t n_control;
    float *control;      /* [n_control, G] log1p profiles                            */
    size_t first, count; /* conditions whose profiles are held: first .. + count - 1 */
    float *truth, *pred; /* [count, G] log1p profiles                              */
} scp_profiles;

/** Are there a truth (<run>/eval/<split>/real.h5ad) and predictions (pred_<model>.h5ad beside it)?
 *  model NULL: scppdm's, or else the first by name. `found` [size] is the model, "" when there is
 *  none. */
scp_status scp_profiles_find(const char *run, const char *split, const char *model, char *found,
                             size_t size) SCP_MUST_USE;

/** Read those of a model; of the profiles, the part of `rank` among `size` equal ones (0 of 1:
 * all). The same order on every rank. SCP_EDATA names file and key: other genes, a condition
 * without prediction or control, a key twice. Not collective. p: scp_profiles_fini in any case. */
scp_status scp_profiles_read(const char *run, const char *split, const char *model, size_t rank,
                             size_t size, scp_profiles *p) SCP_MUST_USE;
void scp_profiles_fini(scp_profiles *p);

/** log2((x + e) / (pre + e)) of the i-th condition held, of its truth or its prediction, negative
 *  entries taken as 0: out [G]. */
void scp_profiles_logfc(const scp_profiles *p, size_t i, bool predicted, double pseudo,
                        double *out);

/** "A549, Panobinostat 0.5 uM, plate 4" of condition i of all. */
scp_status scp_profiles_label(const scp_profiles *p, size_t i, scp_strbuf *out) SCP_MUST_USE;

#endif
