/* What rank 0 decides before any expression value is read, but for a sample. Only src/data. */
#ifndef SCP_DATA_PREP_PLAN_H
#define SCP_DATA_PREP_PLAN_H

#include "data/genes.h"
#include "data/keys.h"
#include "data/leak.h"
#include "data/pair.h"
#include "data/prep.h"
#include "data/pseudobulk.h"
#include "data/structures.h"

/* One input file, for the manifest. */
typedef struct scp_prep_input {
    const char *path; /* borrowed                                                       */
    int64_t cells, bytes;
    int64_t modified; /* nanoseconds since 1970                                         */
    uint64_t labels;  /* XXH3 over the key of every cell, by names                      */
    uint64_t starts;  /* of the row starts of its matrix, see scp_h5ad_starts_digest    */
} scp_prep_input;

/* Zero-initialise, scp_prep_plan_fini. On ranks other than 0 only `map`, `path` and `bulk` are
 * set. */
typedef struct scp_prep_plan {
    const scp_prep_settings *set;
    scp_obs_map map;   /* the layout with the user's overrides                     */
    int64_t min_cells;
    size_t n_files;
    char **path;       /* inputs in the order of their names: [n_files] borrowed texts */
    scp_prep_input *input;
    char **gene;       /* [bulk.G] genes of the files                              */
    uint64_t genes;    /* XXH3 of their names                                      */
    scp_keys keys;
    scp_structures drugs;
    scp_pairing pairing;
    scp_dataset tables; /* of the shard to be                                      */
    scp_bulk_plan bulk;
    scp_h5ad *open;    /* scp_prep_plan_file: the file that was asked for last */
    size_t open_file;
} scp_prep_plan;

/** The layout of the settings with the user's overrides; texts are borrowed from them. */
scp_obs_map scp_prep_map(const scp_prep_settings *s);

/** Settings to names and order; the same on every rank. SCP_EUSAGE. Not collective. */
scp_status scp_prep_plan_begin(scp_prep_plan *p, const scp_prep_settings *s,
                               const scp_text_list *inputs) SCP_MUST_USE;

/** Read the labels of all files and decide keys, pairs, splits and slots. Rank 0. Not
 *  collective. */
scp_status scp_prep_plan_decide(scp_prep_plan *p) SCP_MUST_USE;

/** The part of it that follows when p->keys are there: structures, pairs, splits, slots. Also for
 *  keys that no file holds (scp_keys_add_count). Not collective. */
scp_status scp_prep_plan_keys(scp_prep_plan *p) SCP_MUST_USE;

/** The last of it: the key of every cell becomes its slot. The cells of a held-out key are dealt to
 *  its sub-bulks by a random permutation of their order of appearance, so that sizes differ by one
 *  at most. */
scp_status scp_prep_plan_deal(scp_prep_plan *p) SCP_MUST_USE;

/** A reader of file i with the matrix of the settings chosen, until the next is asked for: planning
 *  looks at all files several times, and to open one is to check its structure. Rank 0. */
scp_status scp_prep_plan_file(scp_prep_plan *p, size_t i, scp_h5ad **f) SCP_MUST_USE;

/** Look at some cells of every file: SCP_EDATA when the values are not what they are declared to
 *  be. Orders the genes for the accumulators. Rank 0. Not collective. */
scp_status scp_prep_plan_sample(scp_prep_plan *p) SCP_MUST_USE;

/** SCP_EDATA names a key of which no cell has any count: as far as the row starts of the files
 *  tell, before they are read; by the cells that were added, after. Rank 0. Not collective. */
scp_status scp_prep_plan_check_filled(scp_prep_plan *p) SCP_MUST_USE;
scp_status scp_prep_plan_check_cells(const scp_prep_plan *p, const int64_t *slot_cells)
    SCP_MUST_USE;
void scp_prep_plan_fini(scp_prep_plan *p);

/* What is known at the end, beside the plan. */
typedef struct scp_prep_outcome {
    const scp_bulk_result *bulk;  /* borrowed                                   */
    scp_gene_rule rule;
    scp_gene_list list; /* of --genes=FILE                              */
    scp_leak_report leaks;
} scp_prep_outcome;

/** The manifest as JSON text. *text owned by the caller. Not collective. */
scp_status scp_prep_manifest(const scp_prep_plan *p, const scp_prep_outcome *o, char **text)
    SCP_MUST_USE;

#endif
