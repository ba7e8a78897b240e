/* Keys: the groups (cell line, drug, dose, plate) whose cells are averaged. Built by one rank from
 * the obs columns of all files; the result depends on the labels alone, not on the order of
 * files. */
#ifndef SCP_DATA_KEYS_H
#define SCP_DATA_KEYS_H

#include <stddef.h>
#include <stdint.h>

#include "data/layout.h"
#include "io/h5ad.h"

enum { SCP_VEHICLE = -1 }; /* drug of a control key */

typedef struct scp_key {
    int32_t line, drug, plate; /* indices into the sorted names; drug may be SCP_VEHICLE */
    int32_t zero;              /* 0: keys are hashed and compared as bytes               */
    double dose;               /* uM, 0 for vehicle                                      */
} scp_key;

/* Why a cell is in no key; it counts under the first reason that holds. */
typedef enum scp_cell_left {
    SCP_CELL_KEPT,
    SCP_CELL_QUALITY,       /* its quality label is not the wanted one            */
    SCP_CELL_UNLABELLED,    /* no cell line, drug, plate or quality label         */
    SCP_CELL_NO_DOSE,       /* treated, but dose or unit are missing              */
    SCP_CELL_ZERO_DOSE,     /* treated with 0: neither a treatment nor the control */
    SCP_CELL_NEGATIVE_DOSE, /* L1000 writes -666 for a dose that is not known     */
    SCP_CELL_COMBINATION,   /* several drugs in one dose label                    */
    SCP_CELL_COUNT
} scp_cell_left;

/** "quality", "unlabelled", "no_dose", "zero_dose", "negative_dose", "combination"; "" for kept. */
const char *scp_cell_left_name(scp_cell_left why);

typedef struct scp_cells_left {
    int64_t cells[SCP_CELL_COUNT];
    char first[SCP_CELL_COUNT][384]; /* the first such cell: file, row and dose label */
} scp_cells_left;

/* All cells of all files, grouped. Zero-initialise, scp_keys_fini. */
typedef struct scp_keys {
    size_t n_lines, n_drugs, n_plates;
    char **line, **drug, **plate; /* sorted by byte value, trimmed, UTF-8               */
    char **smiles, **moa;         /* [n_drugs] from the obs columns, "" where not given */

    size_t n;       /* keys, sorted by (plate, line, vehicle first, drug, dose) */
    scp_key *key;   /* [n] */
    int64_t *cells; /* [n] */

    size_t n_files;
    size_t *file_cells; /* [n_files]                                                   */
    int32_t **cell_key; /* [n_files][file_cells] key of every cell, -1 when left out  */

    scp_cells_left left;
} scp_keys;

typedef struct scp_keys_builder scp_keys_builder;

scp_status scp_keys_builder_create(const scp_obs_map *map, size_t n_files, scp_keys_builder **out)
    SCP_MUST_USE;
void scp_keys_builder_destroy(scp_keys_builder **b);

/** Add the cells of the next file. What is a control is decided by the label of the drug alone, and
 *  its dose is then 0. SCP_EDATA with file and row or column: a missing column, a dose that cannot
 *  be parsed, a dose label that names another drug, a drug with two structures. */
scp_status scp_keys_add_file(scp_keys_builder *b, scp_h5ad *f) SCP_MUST_USE;
/** Add cells of one key that no file holds: a plan from a table of conditions. Names are taken as
 *  they are; `drug` may be the vehicle, whose dose is 0. SCP_EDATA: a negative dose. */
scp_status scp_keys_add_count(scp_keys_builder *b, const char *line, const char *drug, double uM,
                              const char *plate, int64_t cells) SCP_MUST_USE;

/** Sort, number, and move the result out. SCP_EDATA when no cell carries the vehicle label, or none
 *  is left. keys: scp_keys_fini. */
scp_status scp_keys_finish(scp_keys_builder *b, scp_keys *keys) SCP_MUST_USE;
void scp_keys_fini(scp_keys *keys);

/** The names of a key as one number, which does not depend on numbering. */
uint64_t scp_key_hash(const scp_keys *keys, const scp_key *key);

/** "line | drug | dose uM | plate" for messages and the manifest. Returns buf. */
const char *scp_key_text(const scp_keys *keys, const scp_key *key, char *buf, size_t size);

#endif
