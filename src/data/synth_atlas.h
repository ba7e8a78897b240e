/* The real design of Tahoe-100M from its published tables: which drug is in which well, and how
 * many cells every key has. Private to the generator. Not collective. */
#ifndef SCP_DATA_SYNTH_ATLAS_H
#define SCP_DATA_SYNTH_ATLAS_H

#include "data/synth_design.h"

#define SCP_SYNTH_VEHICLE_NAME "DMSO_TF"
enum {
    SCP_SYNTH_PLATES = 99,        /* numbers 1 to 99 */
    SCP_SYNTH_FIRST_SAMPLE = 1495 /* of plate 1; 96 a plate */
};

typedef struct scp_synth_atlas scp_synth_atlas;

/** Numbers of a list such as "1-3,14": list [*n], ascending, each once. SCP_EUSAGE. */
scp_status scp_synth_plate_list(const char *text, int list[SCP_SYNTH_PLATES],
                                size_t *n) SCP_MUST_USE;

/** Number of "plate7", -1 for anything else. */
int scp_synth_plate_number(const char *text);
/** Index of a dose in scp_synth_dose, or -1. */
int scp_synth_dose_index(double uM);

/** Read the sample table (columns sample, plate, drugname_drugconc, and, if it is there,
 *  mean_tscp_count) for the plates of `list`; plain or gzip. Labels are kept as they stand, names
 *  trimmed. Wells are numbered as the atlas numbers its samples: smp_1495 is the first of plate 1,
 *  and a plate has 96. SCP_ENOINPUT; SCP_EDATA with file and line. *out: scp_synth_atlas_destroy.
 */
scp_status scp_synth_atlas_read(const char *samples, const char *list,
                                scp_synth_atlas **out) SCP_MUST_USE;
void scp_synth_atlas_destroy(scp_synth_atlas **a);

size_t scp_synth_atlas_plates(const scp_synth_atlas *a);
/** Drugs on these plates, vehicle not counted, in the order of plates and wells. */
size_t scp_synth_atlas_drugs(const scp_synth_atlas *a);
/** Trimmed name of the i-th drug and its label on the plates; borrowed from a. */
const char *scp_synth_atlas_drug(const scp_synth_atlas *a, size_t i, const char **label);

/** Put the first d->D drugs and the vehicle into the wells of d->plate, which is allocated; wells
 *  of other drugs stay empty. Depths are the wells' mean counts over those of the atlas. */
scp_status scp_synth_atlas_layout(const scp_synth_atlas *a, scp_synth_design *d) SCP_MUST_USE;

/** Give every well of d->plate its cells by line: max(cells_min, fraction x real), never more than
 *  the real number, and wells of one key share its cells. `grid` has the columns plate, cell_line
 *  (Cellosaurus id), drug, conc, n_cells; plain or gzip. A well with fewer than 1,000 real cells is
 *  marked as failed. SCP_EDATA with file and line: a key without a well, a key twice, an unknown
 *  dose, a negative number. */
scp_status scp_synth_atlas_cells(const char *grid, scp_synth_design *d) SCP_MUST_USE;

#endif
