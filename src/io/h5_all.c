/* Files that all ranks use together: MPI-IO access and collective transfers of row ranges.
 *
 * What one rank can fail at alone, it does before a collective call, and all agree on it: nobody is
 * left waiting in a transfer that others do not enter. */
#include <stdlib.h>

#include "base/fs.h"
#include "comm/mpi_handle.h"
#include "comm/watchdog.h"
#include "io/h5.h"
#include "io/h5_slab.h"

#define ROUND_BYTES ((size_t)1 << 30) /* MPI counts and several MPI-IO layers are 32-bit */

static scp_status shared_access(scp_comm *comm, hid_t *fapl)
{
    scp_status st = SCP_OK;
    *fapl = H5I_INVALID_HID;
    SCP_GOTO(done, scp_h5_init());
    SCP_H5ID_GOTO(done, *fapl, H5Pcreate(H5P_FILE_ACCESS));
    SCP_H5_GOTO(done, H5Pset_fapl_mpio(*fapl, scp_comm_mpi(comm), MPI_INFO_NULL));
    SCP_H5_GOTO(done, H5Pset_all_coll_metadata_ops(*fapl, true));
    SCP_H5_GOTO(done, H5Pset_coll_metadata_write(*fapl, true));
    SCP_H5_GOTO(done, H5Pset_fclose_degree(*fapl, H5F_CLOSE_STRONG));
done:
    if (st != SCP_OK && *fapl >= 0) {
        H5Pclose(*fapl);
        *fapl = H5I_INVALID_HID;
    }
    return st;
}

/* What can fail on one rank before the collective open: the file must exist and look like HDF5. */
static scp_status probe(scp_comm *comm, const char *path)
{
    hid_t file;
    if (scp_comm_rank(comm) != 0) return SCP_OK;
    SCP_TRY(scp_h5_open(path, &file));
    SCP_TRY(scp_h5_close(&file));
    return SCP_OK;
}

/* The watchdog sees what waits for other ranks; one rank alone may take its time. */
static void watch(const scp_comm *comm, const char *operation)
{
    if (scp_comm_size(comm) > 1) scp_watchdog_enter(operation);
}

static void watch_end(const scp_comm *comm)
{
    if (scp_comm_size(comm) > 1) scp_watchdog_leave();
}

scp_status scp_h5_open_all(scp_comm *comm, const char *path, hid_t *file)
{
    scp_status st = SCP_OK;
    hid_t fapl = H5I_INVALID_HID;
    *file = H5I_INVALID_HID;
    SCP_TRY(scp_agree(comm, probe(comm, path)));
    SCP_TRY(scp_agree(comm, shared_access(comm, &fapl)));
    watch(comm, "opening a file by all ranks");
    *file = H5Fopen(path, H5F_ACC_RDONLY, fapl);
    watch_end(comm);
    if (*file < 0) st = scp_h5_raise(__FILE__, __LINE__, "H5Fopen", H5I_INVALID_HID, path);
    H5Pclose(fapl);
    SCP_TRY(scp_agree(comm, st));
    return SCP_OK;
}

scp_status scp_h5_create_all(scp_comm *comm, const char *path, hid_t *file)
{
    scp_status st = SCP_OK;
    hid_t fapl = H5I_INVALID_HID;
    *file = H5I_INVALID_HID;
    if (scp_comm_rank(comm) == 0) { /* a refusal must come from one rank, not from inside MPI-IO */
        st = scp_h5_create(path, file);
        SCP_KEEP(st, scp_h5_close(file));
    }
    SCP_TRY(scp_agree(comm, st));
    SCP_TRY(scp_agree(comm, shared_access(comm, &fapl)));
    watch(comm, "creating a file by all ranks");
    *file = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, fapl);
    watch_end(comm);
    if (*file < 0) st = scp_h5_raise(__FILE__, __LINE__, "H5Fcreate", H5I_INVALID_HID, path);
    H5Pclose(fapl);
    SCP_TRY(scp_agree(comm, st));
    return SCP_OK;
}

/* Rows that a rank moves in one round, cut at chunk borders, and its number of rounds. */
typedef struct rounds {
    size_t first, n;   /* this rank's range                          */
    size_t base, step; /* round k covers [base + k step, + step)     */
    size_t row_bytes;
    int64_t count; /* the same on all ranks                      */
} rounds;

static scp_status plan_rounds(hid_t dset, hid_t type, size_t first, size_t n, size_t round_bytes,
                              rounds *r)
{
    scp_status st = SCP_OK;
    int rank = 0;
    size_t dims[SCP_H5_MAX_RANK], chunk_rows = 1;
    hsize_t chunk[SCP_H5_MAX_RANK];
    hid_t have = H5I_INVALID_HID, dcpl = H5I_INVALID_HID;
    char where[1024];
    *r = (rounds){ .first = first, .n = n, .row_bytes = H5Tget_size(type) };
    SCP_GOTO(done, scp_h5_extent(dset, &rank, dims));
    SCP_H5IDAT_GOTO(done, dset, NULL, have, H5Dget_type(dset));
    SCP_H5IDAT_GOTO(done, dset, NULL, dcpl, H5Dget_create_plist(dset));
    if (H5Tequal(have, type) <= 0)
        SCP_FAIL_GOTO(done, SCP_EINTERNAL, "%s: memory and file type must be equal",
                      scp_h5_where(dset, NULL, where, sizeof where));
    for (int d = 1; d < rank; d++) r->row_bytes *= dims[d];
    if (H5Pget_layout(dcpl) == H5D_CHUNKED && H5Pget_chunk(dcpl, rank, chunk) == rank)
        chunk_rows = (size_t)chunk[0];
    size_t rows = r->row_bytes ? round_bytes / r->row_bytes : dims[0];
    r->step = rows / chunk_rows ? rows / chunk_rows * chunk_rows : chunk_rows;
    r->base = first / chunk_rows * chunk_rows;
    r->count = n ? (int64_t)((first + n - r->base + r->step - 1) / r->step) : 0;
done:
    if (dcpl >= 0) H5Pclose(dcpl);
    if (have >= 0) H5Tclose(have);
    return st;
}

/* The transfer itself, in which MPI-IO waits for other ranks. */
static herr_t transfer(scp_comm *comm, hid_t dset, hid_t type, const scp_h5_slab *s,
                       scp_h5_way way, hid_t dxpl, void *at)
{
    herr_t rc;
    watch(comm, way == SCP_H5_READ ? "a collective read" : "a collective write");
    if (way == SCP_H5_READ)
        rc = H5Dread(dset, type, s->mem_space, s->file_space, dxpl, at);
    else
        rc = H5Dwrite(dset, type, s->mem_space, s->file_space, dxpl, at);
    watch_end(comm);
    return rc;
}

static scp_status one_round(scp_comm *comm, hid_t dset, hid_t type, const rounds *r, int64_t k,
                            scp_h5_way way, hid_t dxpl, char *data)
{
    scp_status st = SCP_OK;
    scp_h5_slab s;
    char unused;
    size_t end = r->first + r->n, begin = r->base + (size_t)k * r->step;
    size_t stop = begin + r->step < end ? begin + r->step : end;
    if (begin < r->first) begin = r->first;
    if (begin > end) begin = stop = end;
    size_t n = stop - begin;
    char *at = n ? data + (begin - r->first) * r->row_bytes : &unused;
    st = scp_h5_slab_select(dset, n ? begin : 0, n, &s);
    SCP_GOTO(done, scp_agree(comm, st));
    SCP_H5AT_GOTO(done, dset, NULL, transfer(comm, dset, type, &s, way, dxpl, at));
done:
    scp_h5_slab_fini(&s);
    return scp_agree(comm, st);
}

static scp_status collective_transfer(hid_t *dxpl)
{
    scp_status st = SCP_OK;
    SCP_H5ID_GOTO(done, *dxpl, H5Pcreate(H5P_DATASET_XFER));
    SCP_H5_GOTO(done, H5Pset_dxpl_mpio(*dxpl, H5FD_MPIO_COLLECTIVE));
done:
    return st;
}

scp_status scp_h5_transfer_all(scp_comm *comm, hid_t dset, hid_t type, size_t first, size_t n,
                               scp_h5_way way, void *data, size_t round_bytes)
{
    hid_t dxpl = H5I_INVALID_HID;
    rounds r;
    scp_status st = plan_rounds(dset, type, first, n, round_bytes, &r);
    if (st == SCP_OK) st = collective_transfer(&dxpl);
    SCP_GOTO(done, scp_agree(comm, st));
    int64_t count = r.count;
    SCP_GOTO(done, scp_comm_allreduce(comm, &count, 1, SCP_COMM_I64, SCP_COMM_MAX));
    for (int64_t k = 0; k < count; k++)
        SCP_GOTO(done, one_round(comm, dset, type, &r, k, way, dxpl, data));
done:
    if (dxpl >= 0) H5Pclose(dxpl);
    return st;
}

scp_status scp_h5_read_slab_all(scp_comm *comm, hid_t dset, hid_t type, size_t first, size_t n,
                                void *data)
{
    SCP_TRY(scp_h5_transfer_all(comm, dset, type, first, n, SCP_H5_READ, data, ROUND_BYTES));
    return SCP_OK;
}

scp_status scp_h5_write_slab_all(scp_comm *comm, hid_t dset, hid_t type, size_t first, size_t n,
                                 const void *data)
{
    SCP_TRY(
        scp_h5_transfer_all(comm, dset, type, first, n, SCP_H5_WRITE, (void *)data, ROUND_BYTES));
    return SCP_OK;
}
