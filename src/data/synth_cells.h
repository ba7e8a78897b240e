/* Cells of a synthetic screen, one well at a time. Private to the generator and its tests.
 *
 * A sampler holds what all cells of a well share: expected profiles and tables to draw from them.
 * Drawers draw cells from it, one drawer a thread, several at once. A cell is a function of the
 * plan, its key and its number: whoever draws it, and in whatever order, gets the same counts. */
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
    float mito; /* share of mitochondrial counts */
    double s_score, g2m_score;
} scp_synth_cell;

/* One cell beside its counts. */
typedef struct scp_synth_row {
    uint8_t well, line;
    int32_t serial; /* in its well */
    scp_synth_cell cell;
} scp_synth_row;

typedef struct scp_synth_sampler scp_synth_sampler;
typedef struct scp_synth_drawer scp_synth_drawer;

/** Sampler over a plan, borrowed. *out: scp_synth_sampler_destroy. Not collective. */
scp_status scp_synth_sampler_create(const scp_synth_design *d,
                                    scp_synth_sampler **out) SCP_MUST_USE;
void scp_synth_sampler_destroy(scp_synth_sampler **s);

/** Go to a well: expected profiles of its lines, ambient included, and tables to draw from them. */
void scp_synth_sampler_well(scp_synth_sampler *s, size_t plate, size_t well);
/** The same by a team of threads, with the same result to the bit. */
scp_status scp_synth_sampler_well_team(scp_synth_sampler *s, size_t plate, size_t well,
                                       int threads) SCP_MUST_USE;

/** Expected share of each gene in the counts of a line's cells in the current well, before the
 *  state of the cell; sums to the plan's `captured`. [G], borrowed until the next call for this
 *  sampler. */
const float *scp_synth_sampler_rates(scp_synth_sampler *s, size_t line);

/** Draw cell number `cell` of a line in the current well and append its counts as a row. By the
 *  sampler's own drawer: one thread. */
scp_status scp_synth_sampler_cell(scp_synth_sampler *s, size_t line, int32_t cell,
                                  scp_h5ad_rows *rows, scp_synth_cell *out) SCP_MUST_USE;

/** A drawer on a sampler, borrowed. *out: scp_synth_drawer_destroy. */
scp_status scp_synth_drawer_create(const scp_synth_sampler *s, scp_synth_drawer **out) SCP_MUST_USE;
void scp_synth_drawer_destroy(scp_synth_drawer **w);
/** As scp_synth_sampler_cell. Not while the sampler goes to a well. */
scp_status scp_synth_draw(scp_synth_drawer *w, size_t line, int32_t cell, scp_h5ad_rows *rows,
                          scp_synth_cell *out) SCP_MUST_USE;

#endif
