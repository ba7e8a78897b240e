/* Dose levels: which doses of different drugs count as the same.
 *
 * Where the drugs of a screen share a ladder of doses (at most twice as many distinct doses as the
 * drug with most doses has), the level of a dose is the training dose nearest in log, the lower one
 * on a tie. Otherwise (every drug has its own doses, as in dose-finding studies) it is the rank of
 * the dose within its drug. In both cases levels count down from the highest dose, which is level
 * 0. Not collective. */
#ifndef SCP_MODEL_DOSE_LEVEL_H
#define SCP_MODEL_DOSE_LEVEL_H

#include "io/dataset.h"

typedef struct scp_dose_levels {
    bool by_rank;   /* rank within the drug instead of the nearest training dose */
    size_t n;       /* number of levels */
    int32_t *level; /* [N] of each pair, 0 .. n - 1 */
} scp_dose_levels;

scp_status scp_dose_levels_init(const scp_dataset *d, scp_dose_levels *out) SCP_MUST_USE;
void scp_dose_levels_fini(scp_dose_levels *l);

/** |log a - log b|; 0 for equal doses, infinite when one of two different doses is not positive. */
double scp_dose_distance(double a, double b);

#endif
