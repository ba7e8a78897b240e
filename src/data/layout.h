/* Where a screen keeps its labels: presets for the layouts in the wild, each name overridable.
 * Sources: Tahoe-100M plate files; scPerturb's harmonised sci-Plex 3; plain names; bulk arrays. */
#ifndef SCP_DATA_LAYOUT_H
#define SCP_DATA_LAYOUT_H

#include "base/status.h"

typedef enum scp_layout {
    SCP_LAYOUT_TAHOE,   /* cell_line, drug, drugname_drugconc, plate, pass_filter = full, DMSO_TF */
    SCP_LAYOUT_SCIPLEX, /* cell_line, perturbation, dose_value, dose_unit, plate, "control" */
    SCP_LAYOUT_GENERIC, /* cell_line, drug, dose, dose_unit, plate, SMILES, "control" */
    SCP_LAYOUT_BULK     /* as generic; arrays and wells: log values, one row makes a key */
} scp_layout;
#define SCP_LAYOUT_CHOICES "tahoe|sciplex|generic|bulk"

/* What the numbers of the matrix are. */
typedef enum scp_values {
    SCP_VALUES_COUNTS, /* molecules: library-normalised to 1e4, log1p     */
    SCP_VALUES_LOG,    /* already normalised and on a log scale: as it is */
    SCP_VALUES_LINEAR  /* already normalised, not on a log scale: log1p   */
} scp_values;
#define SCP_VALUES_CHOICES "counts|log|linear"

/* Names of obs columns; NULL where there is none. Texts are borrowed. */
typedef struct scp_obs_map {
    const char *line;
    const char *drug;
    const char *dose;      /* numbers, or labels as [('drug', 0.05, 'uM')]              */
    const char *unit;      /* column with the unit of a numeric dose; NULL: `dose_unit` */
    const char *plate;     /* NULL: all on one plate, named "all"                       */
    const char *smiles;    /* structure of the drug; NULL: from the drug table          */
    const char *moa;       /* mechanism of the drug; NULL: from the drug table          */
    const char *dose_unit; /* unit of a numeric dose without a unit column              */
    const char *vehicle;   /* label of the control in the drug column                   */
    const char *qc;        /* column with the quality label; NULL: keep every cell      */
    const char *qc_value;  /* cells with this label are kept                            */
    scp_values values;
    int min_cells;
} scp_obs_map;

/** The preset of a layout. Not collective. */
scp_obs_map scp_obs_map_preset(scp_layout layout);

/** Override one name: NULL or "" keeps it, "none" removes the column. */
void scp_obs_map_override(const char **name, const char *value);

#endif
