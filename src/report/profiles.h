/* True and predicted profiles of a split from the AnnData files of a run, matched by key.
 *
 * Profiles are read row by row: what is held is keys and names, two windows of SCP_PROFILES_WINDOW
 * rows as the files have them, and SCP_PROFILES_CONTROLS controls. So memory grows with the genes
 * and with the conditions, but not with their product. */
#ifndef SCP_REPORT_PROFILES_H
#define SCP_REPORT_PROFILES_H

#include <stdbool.h>

#include "base/str.h"

enum { SCP_PROFILES_WINDOW = 32, SCP_PROFILES_CONTROLS = 64 };

typedef struct scp_profiles {
    char model[128]; /* whose predictions they are */
    size_t G, n;     /* genes; conditions */
    char **gene;     /* [G] */
    scp_names *line, *drug, *plate;
    int32_t *l, *d, *p; /* [n] of the condition: indices into these names */
    double *dose;       /* [n] uM */
    int32_t *pre;       /* [n] its control */
    size_t n_control;
    struct scp_profile_rows *rows; /* the open files, private to profiles.c */
} scp_profiles;

/** Are there a truth (<run>/eval/<split>/real.h5ad) and predictions (pred_<model>.h5ad beside it)?
 *  model NULL: scppdm's, or else the first by name. `found` [size] is the model, "" when there is
 *  none. */
scp_status scp_profiles_find(const char *run, const char *split, const char *model, char *found,
                             size_t size) SCP_MUST_USE;

/** Open those of a model and match them. The same order on every rank. SCP_EDATA names file and
 * key: other genes, a condition without prediction or control, a key twice. Not collective. p:
 * scp_profiles_close in any case. */
scp_status scp_profiles_open(const char *run, const char *split, const char *model,
                             scp_profiles *p) SCP_MUST_USE;
void scp_profiles_close(scp_profiles *p);

/** The log1p profile of condition i, the truth or the prediction: out [G]. Cheapest in ascending
 *  order. */
scp_status scp_profiles_row(scp_profiles *p, size_t i, bool predicted, float *out) SCP_MUST_USE;

/** log2((x + e) / (pre + e)) of condition i, of its truth or its prediction, negative entries taken
 *  as 0: out [G]. */
scp_status scp_profiles_logfc(scp_profiles *p, size_t i, bool predicted, double pseudo,
                              double *out) SCP_MUST_USE;

/** "A549, Panobinostat 0.5 uM, plate 4" of condition i of all. */
scp_status scp_profiles_label(const scp_profiles *p, size_t i, scp_strbuf *out) SCP_MUST_USE;

#endif
