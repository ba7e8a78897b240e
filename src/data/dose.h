/* Doses: units to micromolar, and the dose label of Tahoe's plates. All doses in this project are
 * in uM, rounded to 6 significant digits, so that one dose written as 50 nM, 0.05 uM or the float32
 * 0.05000000075 is one key. */
#ifndef SCP_DATA_DOSE_H
#define SCP_DATA_DOSE_H

#include "base/status.h"

/** A dose in `unit` as uM: nM, uM (also with either Greek mu), mM, M; blanks around it are ignored.
 *  SCP_EDATA for another unit, a negative or a non-finite value. Not collective. */
scp_status scp_dose_to_uM(double value, const char *unit, double *uM) SCP_MUST_USE;

/** Parse the text form of a Python list of tuples, [('8-Hydroxyquinoline', 0.05, 'uM')]: single or
 *  double quotes, back-slash escapes, any blanks. `drug` (may be NULL) gets the trimmed name, owned
 *  by the caller; `uM` the dose. SCP_EDATA: not such a list, or more than one tuple (combinations
 *  are not supported). Not collective. */
scp_status scp_dose_parse_label(const char *text, char **drug, double *uM) SCP_MUST_USE;

#endif
