/* A small screen with all the traps of the real one, and plates of it in Tahoe's layout. Used by
 * the tests of src/data and by tests/data/prep_cli.sh. */
#ifndef SCP_TESTS_DATA_SCREEN_H
#define SCP_TESTS_DATA_SCREEN_H

#include <stddef.h>
#include <stdint.h>

#include "comm/comm.h"
#include "data/prep.h"

enum { SCREEN_GENES = 3000, SCREEN_MIN_CELLS = 3, SCREEN_MAX_CELLS = 4000 };

typedef struct screen_cell {
    const char *line, *drug, *dose, *plate, *pass; /* as they stand in the file */
    int id;                                        /* what its counts are made from */
} screen_cell;

typedef struct screen_file {
    const char *name;
    size_t n;
    screen_cell cell[SCREEN_MAX_CELLS];
} screen_file;

typedef struct screen {
    screen_file file[2]; /* the second plate is spread over both */
} screen;

/** Fill a screen. Lines A549, RKO, SW480, HT29, H23; 10 drugs and vehicle on two plates (0.05, 0.5
 *  uM). Traps: a trailing blank in a drug, a drug that has the vehicle's label in its name, one
 *  dose as 50 nM, cells of minimal quality, a drug with a broken and one without a structure, a key
 *  of two cells, a line without enough vehicle on the second plate, salts of one parent. */
void screen_make(screen *s);

/** Counts of a cell: 0 for most genes. */
float screen_count(int id, size_t gene);
const char *screen_gene(size_t gene, char buf[16]);

/* What to spoil in a file, for the tests of bad input. */
typedef struct screen_spoil {
    const char *drop;  /* obs column to leave out                        */
    const char *dose;  /* dose label of the spoilt row                   */
    bool no_genes;     /* no gene at all                                 */
    float value;       /* count of gene 5 in that row; 0: as it is       */
    const char *gene;  /* name of gene 3                                 */
    const char *empty; /* drug of which no cell has a count */
    bool dense;        /* X as an array                     */
} screen_spoil;

/** The row that is spoilt: the eighth treated cell of full quality. */
size_t screen_spoilt_row(const screen_file *f);

/** Write a file of a screen. spoil may be NULL. */
scp_status screen_write(const screen_file *f, const char *path,
                        const screen_spoil *spoil) SCP_MUST_USE;
/** Write the drug table. */
scp_status screen_write_drugs(const char *path) SCP_MUST_USE;

/* A screen that lies in files, and how to prepare it. */
typedef struct screen_files {
    char plate[2][SCP_PATH_MAX], drugs[SCP_PATH_MAX], out[SCP_PATH_MAX];
    scp_prep_settings settings; /* all genes, splits of 15, 10 and 5 %, 3 sub-bulks, 1 GiB */
} screen_files;

/** Write a screen's plates and drug table into a folder, which rank 0 names. Collective. */
scp_status screen_setup(scp_comm *comm, const screen *s, const char *folder,
                        screen_files *f) SCP_MUST_USE;
/** scppdm_prep of its plates, in reverse order if asked. Collective. */
scp_status screen_prepare(scp_comm *comm, screen_files *f, bool reversed) SCP_MUST_USE;

#endif
