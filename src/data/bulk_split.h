/* The counts of a cell, parted by how they are kept back: 77 of 100 of Tahoe's are 1, and nearly
 * all others are small counts of frequent genes. Which list a count goes to cannot be foretold, so
 * there is no branch, and where the machine has AVX-512 16 counts are parted at a time. Only
 * src/data. */
#ifndef SCP_DATA_BULK_SPLIT_H
#define SCP_DATA_BULK_SPLIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SCP_SPLIT_MORE = 16 }; /* elements that may be written behind the last of a list */

/* Lists for a cell of n counts: room for n + SCP_SPLIT_MORE each. */
typedef struct scp_count_lists {
    uint16_t *one;   /* places of counts of 1                                         */
    uint32_t *small; /* entries of other small counts: place << SCP_ENTRY_PLACE | count */
    uint32_t *rest;  /* indices of counts of genes that are not near, and of large ones */
    size_t ones, smalls, rests;
} scp_count_lists;

/** Append n checked counts by column. near: of the sums, with one element behind the last. */
typedef void scp_split_fn(const uint16_t *near, const int32_t *column, const float *value, size_t n,
                          scp_count_lists *to);

/** The fastest that the machine has, or the one that every machine has. They give the same. */
scp_split_fn *scp_split_choose(bool plain);

#endif
