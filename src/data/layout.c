/* Presets of column names. */
#include "data/layout.h"

#include <string.h>

static const scp_obs_map preset[] = {
    [SCP_LAYOUT_TAHOE] = { .line = "cell_line",
                           .drug = "drug",
                           .dose = "drugname_drugconc",
                           .plate = "plate",
                           .dose_unit = "uM",
                           .vehicle = "DMSO_TF",
                           .qc = "pass_filter",
                           .qc_value = "full",
                           .values = SCP_VALUES_COUNTS,
                           .min_cells = 20 },
    [SCP_LAYOUT_SCIPLEX] = { .line = "cell_line",
                             .drug = "perturbation",
                             .dose = "dose_value",
                             .unit = "dose_unit",
                             .plate = "plate",
                             .dose_unit = "nM",
                             .vehicle = "control",
                             .values = SCP_VALUES_COUNTS,
                             .min_cells = 20 },
    [SCP_LAYOUT_GENERIC] = { .line = "cell_line",
                             .drug = "drug",
                             .dose = "dose",
                             .unit = "dose_unit",
                             .plate = "plate",
                             .smiles = "SMILES",
                             .dose_unit = "uM",
                             .vehicle = "control",
                             .values = SCP_VALUES_COUNTS,
                             .min_cells = 20 },
    [SCP_LAYOUT_BULK] = { .line = "cell_line",
                          .drug = "drug",
                          .dose = "dose",
                          .unit = "dose_unit",
                          .plate = "plate",
                          .smiles = "SMILES",
                          .dose_unit = "uM",
                          .vehicle = "control",
                          .values = SCP_VALUES_LOG,
                          .min_cells = 1 },
};

scp_obs_map scp_obs_map_preset(scp_layout layout)
{
    return preset[layout];
}

void scp_obs_map_override(const char **name, const char *value)
{
    if (!value || value[0] == '\0') return;
    *name = strcmp(value, "none") == 0 ? NULL : value;
}
