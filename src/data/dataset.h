/* The shard in memory is declared in io/dataset.h. */
#ifndef SCP_DATA_DATASET_H
#define SCP_DATA_DATASET_H

#include "io/dataset.h"

#endif
