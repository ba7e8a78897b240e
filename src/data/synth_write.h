/* Files of a synthetic screen and what was counted while they were written. Private to the
 * generator and its tests. */
#ifndef SCP_DATA_SYNTH_WRITE_H
#define SCP_DATA_SYNTH_WRITE_H

#include "base/str.h"
#include "data/synth_cells.h"

enum { SCP_SYNTH_BINS = 65536, SCP_SYNTH_VALUE_BINS = 1024 };

/* Histograms and sums over cells; every member is int64_t, so that ranks add them as one array. */
typedef struct scp_synth_tally {
    int64_t counts[SCP_SYNTH_BINS];       /* cells by counts, the last bin holds all above */
    int64_t genes[SCP_SYNTH_BINS];        /* cells by genes with a count */
    int64_t value[SCP_SYNTH_VALUE_BINS];  /* non-zeros by value */
    int64_t cells, sum_counts, nonzeros, full;
    int64_t mito_ppm;                     /* sum over cells of 1e6 x share */
    int64_t table_us, draw_us, pack_us, write_us; /* microseconds of computing, over all threads */
} scp_synth_tally;

/** The label of drugname_drugconc as Python prints it, e.g. [('Aspirin', 0.05, 'uM')]. Appends. */
scp_status scp_synth_dose_label(const char *drug, const char *dose, scp_strbuf *out) SCP_MUST_USE;

/** Tables of the screen into the folder `dir`: drugs.tsv as scppdm_prep reads it; samples.tsv,
 *  condition_grid.tsv, cell_lines.tsv and genes.tsv as scp_synth_config names them. */
scp_status scp_synth_write_tables(const scp_synth_design *d, const char *dir) SCP_MUST_USE;
/** Everything true about the screen. */
scp_status scp_synth_write_truth(const scp_synth_design *d, const char *path) SCP_MUST_USE;

/** Compare the tally with the real atlas. */
void scp_synth_compare(const scp_synth_design *d, const scp_synth_tally *tally,
                       scp_synth_report *report);

#endif
