/* The in-memory shard: names of the splits, row lists, release. */
#include "io/dataset.h"

#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "base/mem.h"

static const char *const split_name[SCP_SPLIT_COUNT] = {
    [SCP_SPLIT_TRAIN] = "train", [SCP_SPLIT_VAL_UC] = "val_uc", [SCP_SPLIT_VAL_UD] = "val_ud",
    [SCP_SPLIT_UC] = "uc",       [SCP_SPLIT_UD] = "ud",
};

const char *scp_split_name(scp_split s)
{
    return (unsigned)s < SCP_SPLIT_COUNT ? split_name[s] : "?";
}

scp_status scp_split_parse(const char *name, scp_split *out)
{
    SCP_ARG(name && out, "name and result are required");
    for (int s = 0; s < SCP_SPLIT_COUNT; s++)
        if (strcmp(name, split_name[s]) == 0) {
            *out = (scp_split)s;
            return SCP_OK;
        }
    SCP_FAIL(SCP_EUSAGE, "there is no split '%s': use train, val_uc, val_ud, uc or ud", name);
}

void scp_dataset_fini(scp_dataset *d)
{
    if (!d) return;
    scp_fs_list_free(d->gene, d->G);
    scp_fs_list_free(d->line, d->n_lines);
    scp_fs_list_free(d->drug, d->n_drugs);
    scp_fs_list_free(d->smiles, d->n_drugs);
    scp_fs_list_free(d->moa, d->n_drugs);
    scp_fs_list_free(d->parent_name, d->n_parents);
    scp_fs_list_free(d->plate, d->n_plates);
    if (d->x_block.base) d->x = NULL;
    if (d->r_x_block.base) d->r_x = NULL;
    scp_node_block_fini(&d->x_block);
    scp_node_block_fini(&d->r_x_block);
    void *const block[] = { d->parent, d->fp,        d->x,          d->p_line,
                            d->p_drug, d->p_dose,    d->p_plate,    d->p_cells,
                            d->r_x,    d->r_profile, d->gene_cells, d->r_cells,
                            d->post,   d->pre,       d->split,      d->manifest };
    for (size_t i = 0; i < sizeof block / sizeof block[0]; i++) free(block[i]);
    *d = (scp_dataset){ 0 };
}

scp_status scp_dataset_rows(const scp_dataset *d, scp_split split, int32_t **rows, size_t *n)
{
    SCP_ARG(d && rows && n, "data set and results are required");
    size_t count = 0;
    for (size_t i = 0; i < d->N; i++) count += d->split[i] == (uint8_t)split;
    SCP_TRY(scp_alloc(count, sizeof **rows, rows));
    *n = count;
    for (size_t i = 0, k = 0; i < d->N; i++)
        if (d->split[i] == (uint8_t)split) (*rows)[k++] = (int32_t)i;
    return SCP_OK;
}
