/* One small screen in several file layouts, for tests that damage files. */
#ifndef SCP_TESTS_DATA_MUTATE_FILES_H
#define SCP_TESTS_DATA_MUTATE_FILES_H

#include "base/status.h"

typedef enum mutate_layout {
    MUTATE_CSR,       /* CSR, 64-bit indices, gzip, categorical columns: as Tahoe's plates     */
    MUTATE_CSR_PLAIN, /* the same without compression                                          */
    MUTATE_DENSE,     /* dense, gzip and shuffle                                               */
    MUTATE_CSC,       /* CSC, 32-bit indices, gzip                                             */
    MUTATE_OLD,       /* AnnData 0.7: codes with references to __categories, gzip CSR          */
    MUTATE_TEXT,      /* text columns of variable and fixed length, contiguous dense X         */
    MUTATE_LAYOUTS
} mutate_layout;

const char *mutate_layout_name(mutate_layout layout);

/** Write the screen: 120 cells of 2 lines, vehicle and 3 drugs at 2 doses, 60 genes; obs columns
 *  with Tahoe's names. */
scp_status mutate_write(mutate_layout layout, const char *path) SCP_MUST_USE;

#endif
