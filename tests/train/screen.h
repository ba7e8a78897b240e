/* A small made-up screen in memory, for tests of models and of training: every line with every drug
 * at two doses, one plate and one vehicle profile per line, all five splits. A profile is a line's
 * base level plus a drug's effect times a dose factor plus noise. */
#ifndef SCP_TESTS_TRAIN_SCREEN_H
#define SCP_TESTS_TRAIN_SCREEN_H

#include "io/dataset.h"

typedef struct screen_size {
    int lines, drugs, genes;
    uint64_t seed;
} screen_size;

/** Pairs are 2 x lines x drugs. out: scp_dataset_fini. */
scp_status screen_make(const screen_size *size, scp_dataset *out) SCP_MUST_USE;

#endif
