/* The drug table: a TSV file with a header that gives each drug its structure and mechanism. */
#ifndef SCP_CHEM_DRUG_TABLE_H
#define SCP_CHEM_DRUG_TABLE_H

#include <stddef.h>

#include "base/status.h"

typedef struct scp_drug_table scp_drug_table;

/* One drug; texts are trimmed, borrowed from the table, and "" where the cell is empty. */
typedef struct scp_drug_row {
    const char *name;
    const char *smiles;
    const char *moa;
} scp_drug_row;

/** Read a table. Columns are found by header, whatever their order and case: "drug" or "name";
 *  "canonical_smiles" or "smiles"; and, optional, "moa-fine", "moa_fine" or "moa". Names are
 *  trimmed. SCP_ENOINPUT missing; SCP_EDATA with file and line: no such column, a row with another
 *  number of cells, an empty name, one name with two structures. *out: scp_drug_table_destroy. Not
 *  collective. */
scp_status scp_drug_table_read(const char *path, scp_drug_table **out) SCP_MUST_USE;
void scp_drug_table_destroy(scp_drug_table **t);

size_t scp_drug_table_count(const scp_drug_table *t);
/** i-th drug, in the order of the file. */
scp_drug_row scp_drug_table_row(const scp_drug_table *t, size_t i);
/** Look a trimmed name up; false when the table does not have it. */
bool scp_drug_table_find(const scp_drug_table *t, const char *name, scp_drug_row *row);

#endif
