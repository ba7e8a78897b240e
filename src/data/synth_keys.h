/* Key means without cells: what scppdm_prep would make of the cells of a screen, up to their noise,
 * for tests at the scale of training. Private to the generator and its tests. */
#ifndef SCP_DATA_SYNTH_KEYS_H
#define SCP_DATA_SYNTH_KEYS_H

#include "data/synth_design.h"

/** Write keysN.h5ad for one plate to `path`: a dense matrix of mean log1p(1e4 x / library) values,
 * a row for every line in every well that has cells, N(0, variance of a cell / cells) added to the
 *  expected mean of each gene, and nothing below zero. obs: cell_line, cell_name, drug, dose,
 *  dose_unit, plate, well, n_cells; layout `bulk` of scppdm_prep. Memory: a well's rows.
 *  @param rows, values  are raised by the rows and the values above zero. Not collective. */
scp_status scp_synth_write_keys(const scp_synth_design *d, size_t plate, const char *path,
                                int64_t *rows, int64_t *values) SCP_MUST_USE;

#endif
