/* A shard in memory: profiles, pairs, splits, drugs. What training, prediction and scoring read.
 * Plain data: no HDF5, no MPI. Filled by io/shard.h.
 *
 * What scp_shard_read fills in a job of several ranks is read-only where the ranks of a node share
 * the two matrices: x and r_x then lie in x_block and r_x_block, and a write to them is a crash. */
#ifndef SCP_IO_DATASET_H
#define SCP_IO_DATASET_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "comm/node.h"

enum { SCP_FP_BITS = 1024 }; /* Morgan fingerprint, radius 2 [paper App. D] */

typedef enum scp_split {
    SCP_SPLIT_TRAIN = 0,
    SCP_SPLIT_VAL_UC = 1,
    SCP_SPLIT_VAL_UD = 2,
    SCP_SPLIT_UC = 3, /* test, unseen (line, drug) combination, both seen apart */
    SCP_SPLIT_UD = 4, /* test, unseen drug                                      */
    SCP_SPLIT_COUNT
} scp_split;

/** "train", "val_uc", "val_ud", "uc", "ud". */
const char *scp_split_name(scp_split s);
scp_status scp_split_parse(const char *name, scp_split *out) SCP_MUST_USE;

typedef struct scp_dataset {
    size_t G;    /* genes                                                            */
    char **gene; /* [G] symbols, in the order of every profile                       */
    int64_t *gene_cells; /* [G] training cells that have the gene; -1: of a list, not in the data,
                            all values are 0. NULL when nobody counted                       */
    size_t n_lines, n_drugs, n_parents, n_plates;
    char **line;        /* [n_lines]                                                        */
    char **drug;        /* [n_drugs] treatments only: the vehicle is not a drug             */
    char **smiles;      /* [n_drugs]                                                        */
    char **moa;         /* [n_drugs] mechanism label, "" when unknown                       */
    int32_t *parent;    /* [n_drugs] parent-compound group: salts, solvates, isomers share  */
    char **parent_name; /* [n_parents] SMILES of the parent: no counter-ion, charge, stereo */
    uint8_t *fp;        /* [n_drugs, SCP_FP_BITS] one byte a bit, 0 or 1                    */
    char **plate;       /* [n_plates]                                                       */

    size_t P;         /* profiles: one per kept key, vehicle profiles included            */
    float *x;         /* [P, G] mean over cells of log1p(1e4 counts / library)            */
    int32_t *p_line;  /* [P] */
    int32_t *p_drug;  /* [P] index into drug, -1 = vehicle                                */
    double *p_dose;   /* [P] uM, 0 for vehicle                                            */
    int32_t *p_plate; /* [P] */
    int64_t *p_cells; /* [P] */

    size_t R;           /* sub-bulks: disjoint random parts of the cells of held-out keys   */
    float *r_x;         /* [R, G] their profiles: the within-well noise ceiling             */
    int32_t *r_profile; /* [R] profile that the sub-bulk is a part of; runs are contiguous  */
    int64_t *r_cells;   /* [R] */

    size_t N;       /* pairs                                                            */
    int32_t *post;  /* [N] profile of the treated key                                   */
    int32_t *pre;   /* [N] vehicle profile of the same (line, plate)                    */
    uint8_t *split; /* [N] scp_split                                                    */
    char *manifest; /* JSON text of the shard                                           */
    uint64_t hash;  /* checksum of the content, kept in checkpoints                     */

    scp_node_block x_block, r_x_block; /* what x and r_x point to, or empty: they are malloc'ed */
} scp_dataset;

/** Free everything and zero the struct. NULL is fine. Not collective. */
void scp_dataset_fini(scp_dataset *d);

/** Pairs of a split, in order. *rows [*n] owned by the caller. */
scp_status scp_dataset_rows(const scp_dataset *d, scp_split split, int32_t **rows,
                            size_t *n) SCP_MUST_USE;

#endif
