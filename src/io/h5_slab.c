/* Slabs of dimension 0 of a dataset, on a file of one process. */
#include "io/h5_slab.h"

scp_status scp_h5_slab_select(hid_t dset, size_t first, size_t n, scp_h5_slab *slab)
{
    scp_status st = SCP_OK;
    int rank = 0;
    size_t dims[SCP_H5_MAX_RANK];
    hsize_t start[SCP_H5_MAX_RANK] = { first }, count[SCP_H5_MAX_RANK] = { n };
    char where[1024];
    *slab = (scp_h5_slab){ H5I_INVALID_HID, H5I_INVALID_HID };
    SCP_GOTO(done, scp_h5_extent(dset, &rank, dims));
    if (rank < 1 || first > dims[0] || n > dims[0] - first)
        SCP_FAIL_GOTO(done, SCP_EINTERNAL, "%s: entries [%zu, %zu) of %zu",
                      scp_h5_where(dset, NULL, where, sizeof where), first, first + n,
                      rank < 1 ? 0 : dims[0]);
    for (int d = 1; d < rank; d++) count[d] = dims[d];
    SCP_H5IDAT_GOTO(done, dset, NULL, slab->file_space, H5Dget_space(dset));
    SCP_H5ID_GOTO(done, slab->mem_space, H5Screate_simple(rank, count, NULL));
    if (n > 0) {
        SCP_H5_GOTO(
            done, H5Sselect_hyperslab(slab->file_space, H5S_SELECT_SET, start, NULL, count, NULL));
    } else {
        SCP_H5_GOTO(done, H5Sselect_none(slab->file_space));
        SCP_H5_GOTO(done, H5Sselect_none(slab->mem_space));
    }
done:
    return st;
}

void scp_h5_slab_fini(scp_h5_slab *slab)
{
    if (slab->mem_space >= 0) H5Sclose(slab->mem_space);
    if (slab->file_space >= 0) H5Sclose(slab->file_space);
}

scp_status scp_h5_read_slab(hid_t dset, hid_t type, size_t first, size_t n, void *data)
{
    scp_status st = SCP_OK;
    scp_h5_slab s;
    SCP_GOTO(done, scp_h5_slab_select(dset, first, n, &s));
    if (n > 0)
        SCP_H5AT_GOTO(done, dset, NULL,
                      H5Dread(dset, type, s.mem_space, s.file_space, H5P_DEFAULT, data));
done:
    scp_h5_slab_fini(&s);
    return st;
}

scp_status scp_h5_write_slab(hid_t dset, hid_t type, size_t first, size_t n, const void *data)
{
    scp_status st = SCP_OK;
    scp_h5_slab s;
    SCP_GOTO(done, scp_h5_slab_select(dset, first, n, &s));
    if (n > 0)
        SCP_H5AT_GOTO(done, dset, NULL,
                      H5Dwrite(dset, type, s.mem_space, s.file_space, H5P_DEFAULT, data));
done:
    scp_h5_slab_fini(&s);
    return st;
}

scp_status scp_h5_append(hid_t dset, hid_t type, size_t n, const void *data)
{
    scp_status st = SCP_OK;
    int rank = 0;
    size_t dims[SCP_H5_MAX_RANK];
    hsize_t grown[SCP_H5_MAX_RANK];
    SCP_TRY(scp_h5_extent(dset, &rank, dims));
    for (int d = 0; d < SCP_H5_MAX_RANK; d++) grown[d] = dims[d];
    grown[0] += n;
    SCP_H5AT_GOTO(done, dset, NULL, H5Dset_extent(dset, grown));
    SCP_GOTO(done, scp_h5_write_slab(dset, type, dims[0], n, data));
done:
    return st;
}
