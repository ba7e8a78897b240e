/* The splits: unseen drugs (UD), unseen combinations (UC), and a validation part of each kind. */
#ifndef SCP_DATA_SPLIT_H
#define SCP_DATA_SPLIT_H

#include "io/dataset.h"

typedef struct scp_split_settings {
    uint64_t seed;
    double ud;  /* share of the parent groups that are test drugs            */
    double uc;  /* share of the remaining (line, parent) combinations        */
    double val; /* share of each that goes to validation on top of the test */
} scp_split_settings;

/** Draw the splits of all pairs (d->split). Groups are taken in the order of a hash of (seed, name
 *  of the parent), combinations by (seed, line, parent), until the share, rounded to the nearest
 *  whole number, is reached: the draw depends on names alone, not on file order, rank count, or
 *  numbering.
 *
 *  UD: every pair of a parent group. A group is passed over when a cell line would lose its last
 *  training pair. UC: all doses and plates of a (line, parent). A combination is passed over when
 *  its line, or a drug of it, would no longer be seen in training. Not collective. */
scp_status scp_split_draw(scp_dataset *d, const scp_split_settings *s) SCP_MUST_USE;

#endif
