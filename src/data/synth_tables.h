/* What the sampler of a well gives its drawers. Private to synth_cells.c and synth_draw.c. */
#ifndef SCP_DATA_SYNTH_TABLES_H
#define SCP_DATA_SYNTH_TABLES_H

#include "data/synth_cells.h"

/* Classes of genes by their flags past the mitochondrial one: what the state of a cell
 * multiplies. */
enum { SCP_SYNTH_CLASSES = 8 };

_Static_assert(SCP_SYNTH_ATLAS_GENES <= UINT16_MAX, "a slot names genes by 16 bits");

/* A slot of an alias table, and all that drawing from it needs: a cache line holds four. */
typedef struct scp_synth_slot {
    uint32_t keep;    /* of 2^32: take the slot's own gene, else the other */
    uint16_t gene[2]; /* own, other: expressed genes in their order        */
    float rate[2];    /* their expected share of the counts                */
} scp_synth_slot;

struct scp_synth_sampler {
    const scp_synth_design *d;
    size_t plate, well;
    size_t E;                             /* expressed genes */
    int32_t *gene;                        /* [E] where they are among the G, rising */
    uint8_t *flags;                       /* [E] */
    uint16_t *member;                     /* [E] expressed genes by class */
    size_t first[SCP_SYNTH_CLASSES + 1];  /* class k is member[first[k] .. first[k + 1]) */
    float *line_log, *axis;               /* [C, E], [J, E] of the plan */
    float *rate;                          /* [C, E] */
    scp_synth_slot *slot;                 /* [C, E] in the order of member: a table a class */
    double (*mass)[SCP_SYNTH_CLASSES];    /* [C] expected share of a class in the counts */
    double *pool;                         /* [E] */
    void *scratch;                        /* [threads] of build_tables, see synth_cells.c */
    int threads;                          /* that there is scratch for */
    float *spread;                        /* [G] of scp_synth_sampler_rates */
    scp_synth_drawer *drawer;             /* of scp_synth_sampler_cell */
};

#endif
