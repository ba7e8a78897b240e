/* The label columns of one file, and what their labels mean: names to numbers, doses to uM. Every
 * label is trimmed and parsed once, a cell costs a few look-ups. Private to src/data. */
#ifndef SCP_DATA_KEYS_COLUMNS_H
#define SCP_DATA_KEYS_COLUMNS_H

#include "base/str.h"
#include "data/dose.h"
#include "data/keys.h"

/* Names over all files, and what the obs columns say of each drug. */
typedef struct scp_key_names {
    scp_names *line, *drug, *plate;
    char **smiles, **moa; /* [cap] by drug; NULL until a cell gives one */
    size_t cap_smiles, cap_moa;
} scp_key_names;

scp_status scp_key_names_create(scp_key_names *n) SCP_MUST_USE;
void scp_key_names_fini(scp_key_names *n);

/* Zero-initialise, scp_key_columns_fini. */
typedef struct scp_key_columns {
    const scp_obs_map *map; /* borrowed */
    const char *path;       /* borrowed */
    scp_key_names *names;   /* borrowed */
    scp_h5ad_text line, drug, dose, unit, plate, qc, smiles, moa;
    int32_t *line_id, *drug_id, *plate_id; /* by label */
    bool *qc_keep;                         /* by label */
    scp_dose *dose_of;                     /* [dose labels x units], read at the first use */
    size_t n_units;
    int32_t *drug_smiles, *drug_moa; /* [drugs] last label seen in this file, -1 */
} scp_key_columns;

/** Read the columns of a file and number their labels; new names are added to `names`. SCP_EDATA:
 *  a missing column. c: scp_key_columns_fini, also after an error. */
scp_status scp_key_columns_read(const scp_obs_map *map, scp_h5ad *f, scp_key_names *names,
                                scp_key_columns *c) SCP_MUST_USE;
void scp_key_columns_fini(scp_key_columns *c);

/** The key of a cell, or why it has none. SCP_EDATA with file, row and column: a dose that cannot
 *  be parsed, a dose label that names another drug, a drug with two structures. */
scp_status scp_key_columns_cell(scp_key_columns *c, size_t row, scp_key *key,
                                scp_cell_left *why) SCP_MUST_USE;

/** What the dose column says of a row, for messages; "" where there is none. */
const char *scp_key_columns_dose(const scp_key_columns *c, size_t row);

#endif
