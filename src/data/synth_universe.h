/* All genes that a synthetic screen may take: their names, their order, which are expressed, which
 * form the head of the abundances, and which belong to the gene sets of the drug programmes.
 * Private to the generator. Not collective. */
#ifndef SCP_DATA_SYNTH_UNIVERSE_H
#define SCP_DATA_SYNTH_UNIVERSE_H

#include "data/synth_design.h"

/* Axes of well effects. */
enum {
    SCP_SYNTH_AXIS_CYTOPLASM, /* ribosomal and cytoplasmic against intronic */
    SCP_SYNTH_AXIS_NUCLEAR,
    SCP_SYNTH_AXIS_MITO,
    SCP_SYNTH_AXIS_STRESS,
    SCP_SYNTH_AXIS_HISTONE
};

/* One gene. Its place in the universe keys its random numbers. */
typedef struct scp_synth_origin {
    const char *symbol; /* NULL: named after its position */
    uint32_t position;  /* in the order of the plates */
    int16_t axis;       /* of well effects that it belongs to by name, or -1 */
    uint16_t sets;      /* bit p: member of the gene set of programme p */
} scp_synth_origin;

typedef struct scp_synth_universe {
    size_t n, expressed;    /* genes in all; the first so many are expressed */
    size_t mito, head;      /* the first so many are mitochondrial, are in the head */
    size_t members;         /* expressed genes in a gene set */
    scp_synth_origin *gene; /* [n] */
} scp_synth_universe;

/** Build it from the settings: d->cfg.genes_table or invented names, d->cfg.gene_sets. Names of the
 *  sets go to d->set. Texts belong to d->text. SCP_ENOINPUT, SCP_EDATA. Freed by fini. */
scp_status scp_synth_universe_init(scp_synth_design *d, scp_synth_universe *u) SCP_MUST_USE;
void scp_synth_universe_fini(scp_synth_universe *u);

#endif
