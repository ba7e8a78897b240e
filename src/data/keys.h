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

    int64_t left_qc;        /* cells whose quality label is not the wanted one       */
    int64_t left_unlabelled;/* cells without a line, drug, plate or quality label    */
} scp_keys;

typedef struct scp_keys_builder scp_keys_builder;

scp_status scp_keys_builder_create(const scp_obs_map *map, size_t n_files, scp_keys_builder **out)
    SCP_MUST_USE;
void scp_keys_builder_destroy(scp_keys_builder **b);

/** Add the cells of the next file. SCP_EDATA with file and row or column: a missing column, a dose
 *  that cannot be parsed, a dose label that names another drug, a drug with two structures. */
scp_status scp_keys_add_file(scp_keys_builder *b, scp_h5ad *f) SCP_MUST_USE;

/** Sort, number, and move the result out. SCP_EDATA when no cell carries the vehicle label, or none
 *  is left. keys: scp_keys_fini. */
scp_status scp_keys_finish(scp_keys_builder *b, scp_keys *keys) SCP_MUST_USE;
void scp_keys_fini(scp_keys *keys);

/** "line | drug | dose uM | plate" for messages and the manifest. Returns buf. */
const char *scp_key_text(const scp_keys *keys, const scp_key *key, char *buf, size_t size);

#endif
