/* Cells of a synthetic screen, one well at a time. Private to the generator and its tests. */
#ifndef SCP_DATA_SYNTH_CELLS_H
#define SCP_DATA_SYNTH_CELLS_H

#include "data/synth_design.h"
#include "io/h5ad.h"

enum { SCP_SYNTH_PHASE_G1, SCP_SYNTH_PHASE_S, SCP_SYNTH_PHASE_G2M };

/* What a cell's obs row says besides its labels. */
typedef struct scp_synth_cell {
    int64_t counts, reads; /* transcripts, sequencing reads */
    int32_t genes;         /* with at least one count */
    int phase;
    float mito;            /* share of mitochondrial counts */
    double s_score, g2m_score;
} scp_synth_cell;

typedef struct scp_synth_sampler scp_synth_sampler;

/** Sampler over a plan, borrowed. *out: scp_synth_sampler_destroy. Not collective. */
scp_status scp_synth_sampler_create(const scp_synth_design *d, scp_synth_sampler **out)
    SCP_MUST_USE;
void scp_synth_sampler_destroy(scp_synth_sampler **s);

/** Go to a well: expected profiles of its lines, ambient included, and tables to draw from them. */
void scp_synth_sampler_well(scp_synth_sampler *s, size_t plate, size_t well);

/** Expected share of each gene in the counts of a line's cells in the current well, before the
 *  state of the cell; sums to the plan's `captured`. [G], borrowed until the next well. */
const float *scp_synth_sampler_rates(const scp_synth_sampler *s, size_t line);

/** Draw cell number `cell` of a line in the current well and append its counts as a row. */
scp_status scp_synth_sampler_cell(scp_synth_sampler *s, size_t line, int32_t cell,
                                  scp_h5ad_rows *rows, scp_synth_cell *out) SCP_MUST_USE;

#endif
