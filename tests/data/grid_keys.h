/* The condition grid of Tahoe-100M as keys. */
#ifndef SCP_TESTS_DATA_GRID_KEYS_H
#define SCP_TESTS_DATA_GRID_KEYS_H

#include "data/keys.h"

/** Read condition_grid.tsv.gz; names are trimmed. keys: scp_keys_fini. */
scp_status grid_keys(const char *path, const scp_obs_map *map, scp_keys *keys) SCP_MUST_USE;

#endif
