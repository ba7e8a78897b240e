/* Doses: units to micromolar, and the dose label of Tahoe's plates. All doses in this project are
 * in uM, rounded to 6 significant digits, so that one dose written as 50 nM, 0.05 uM or the float32
 * 0.05000000075 is one key. */
#ifndef SCP_DATA_DOSE_H
#define SCP_DATA_DOSE_H

#include <stdbool.h>

#include "base/status.h"

/** A dose in `unit` as uM: pM, nM, uM (also with either Greek mu, or as um), mM, M; blanks around
 * it are ignored. SCP_EDATA for another unit, a negative or a non-finite value. Not collective. */
scp_status scp_dose_to_uM(double value, const char *unit, double *uM) SCP_MUST_USE;

/** Parse the text form of a Python list of tuples, [('8-Hydroxyquinoline', 0.05, 'uM')]: single or
 *  double quotes, back-slash escapes, any blanks. `drug` (may be NULL) gets the trimmed name, owned
 *  by the caller; `uM` the dose. SCP_EDATA: not such a list, or more than one tuple (combinations
 *  are not supported). Not collective. */
scp_status scp_dose_parse_label(const char *text, char **drug, double *uM) SCP_MUST_USE;

/* What a dose column says of a cell. */
typedef enum scp_dose_kind {
    SCP_DOSE_UNREAD,     /* a zeroed scp_dose                                            */
    SCP_DOSE_GIVEN,      /* a dose above 0                                               */
    SCP_DOSE_MISSING,    /* "", nan, NaN, NA, <NA>, None                                 */
    SCP_DOSE_ZERO,       /* 0: no treatment, whatever the drug column says               */
    SCP_DOSE_NEGATIVE,   /* no dose is: L1000 writes -666 where it is not known          */
    SCP_DOSE_COMBINATION /* a label of several drugs                                     */
} scp_dose_kind;

/* Zero-initialise, scp_dose_fini. */
typedef struct scp_dose {
    scp_dose_kind kind;
    double uM;  /* of kind GIVEN, else 0                                          */
    char *drug; /* trimmed name inside a label; NULL for a plain number, and for several drugs */
} scp_dose;

/** Does a text of a dose or unit column say that there is none? */
bool scp_dose_is_missing(const char *text);

/** Read a value of a dose column: a number in `unit`, or a label (`unit` is then not used).
 *  SCP_EDATA: neither, a malformed label, an unknown unit, infinity. d: scp_dose_fini, also after
 *  an error. Not collective. */
scp_status scp_dose_read(const char *text, const char *unit, scp_dose *d) SCP_MUST_USE;
void scp_dose_fini(scp_dose *d);

#endif
