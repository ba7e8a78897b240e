/* Float matrices written by all ranks together, or by rank 0 for all. */
#include "config.h" /* _GNU_SOURCE for fallocate */

#include "io/rows_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/str.h"
#include "comm/mpi_handle.h"
#include "comm/watchdog.h"
#include "io/h5.h"

enum {
    TAG_RANGE = 71,
    TAG_ROWS = 72,
    HEAD_BYTES = 65536 /* HDF5's own, at most */
};

#define SEND_BYTES ((size_t)32 << 20) /* rows of one message to the single writer */

struct scp_rows_file {
    scp_comm *comm;
    char path[SCP_PATH_MAX], tmp[SCP_PATH_MAX];
    scp_rows_shape shape;
    hid_t file; /* on all ranks, or on rank 0 of a single writer, until sealed */
    hid_t dset[SCP_ROWS_MATRICES];
    uint64_t *hash[SCP_ROWS_MATRICES]; /* 0 for rows that other ranks put, until sealed */
    float *received;                   /* [send_rows, columns] of a single writer */
    bool claimed;                      /* rank 0: the file has all its room       */
};

static bool is_root(const scp_rows_file *w)
{
    return scp_comm_rank(w->comm) == 0;
}

/* The temporary's name carries the process id of rank 0. */
static scp_status share_tmp_name(scp_rows_file *w)
{
    scp_status st = SCP_OK;
    if (is_root(w)) st = scp_fs_tmp_name(w->tmp, sizeof w->tmp, w->path);
    SCP_TRY(scp_agree(w->comm, st));
    return scp_comm_bcast(w->comm, w->tmp, sizeof w->tmp, SCP_COMM_U8, 0);
}

static scp_status create_matrices(scp_rows_file *w)
{
    for (int m = 0; m < SCP_ROWS_MATRICES; m++) {
        const size_t dims[2] = { w->shape.rows[m], w->shape.columns };
        SCP_TRY(scp_h5_dataset_create(w->file, w->shape.name[m], H5T_NATIVE_FLOAT, 2, dims, NULL,
                                      &w->dset[m]));
    }
    return SCP_OK;
}

static size_t send_rows(const scp_rows_shape *s)
{
    size_t n = s->columns ? SEND_BYTES / (s->columns * sizeof(float)) : 1;
    return n > 0 ? n : 1;
}

/* Rank 0 writes alone when told so, and when it is alone: without the copies of MPI-IO. */
static bool is_single(const scp_comm *comm, const scp_rows_shape *s)
{
    return s->single_writer || scp_comm_size(comm) == 1;
}

size_t scp_rows_file_buffer(const scp_comm *comm, const scp_rows_shape *s)
{
    if (!s->single_writer || scp_comm_size(comm) == 1) return 0;
    return scp_comm_rank(comm) == 0 ? send_rows(s) * s->columns * sizeof(float) : 0;
}

static scp_status create_file(scp_rows_file *w)
{
    scp_status st = SCP_OK;
    if (!is_single(w->comm, &w->shape)) {
        SCP_TRY(scp_h5_create_all(w->comm, w->tmp, &w->file));
        return scp_agree(w->comm, create_matrices(w));
    }
    if (is_root(w)) {
        st = scp_alloc(scp_rows_file_buffer(w->comm, &w->shape), 1, &w->received);
        SCP_KEEP(st, scp_h5_create(w->tmp, &w->file));
        SCP_KEEP(st, st == SCP_OK ? create_matrices(w) : SCP_OK);
    }
    return scp_agree(w->comm, st);
}

static off_t matrix_bytes(const scp_rows_shape *s)
{
    return (off_t)((s->rows[0] + s->rows[1]) * s->columns * sizeof(float));
}

/* May this process write files that large? */
static scp_status check_limit(const scp_rows_file *w)
{
    struct rlimit limit;
    off_t bytes = matrix_bytes(&w->shape);
    if (getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY &&
        (rlim_t)bytes > limit.rlim_cur)
        SCP_FAIL(SCP_EIO, "%s needs %lld MiB, but files may have only %lld MiB (ulimit -f)",
                 w->path, (long long)(bytes >> 20), (long long)(limit.rlim_cur >> 20));
    return SCP_OK;
}

/* Is there room for n bytes more, and what a file system adds to them? What is only asked for, not
 * claimed, another program may take. */
static scp_status check_room(const scp_rows_file *w, off_t n)
{
    struct statvfs s;
    if (n == 0 || statvfs(w->tmp, &s) != 0) return SCP_OK; /* HDF5 says what is wrong */
    double need = (double)n * (1 + 1.0 / 64) + 65536, has = (double)s.f_bavail * (double)s.f_frsize;
    if (need > has)
        SCP_FAIL(SCP_EIO, "no room for %s: %.1f MiB are needed, %.1f MiB are free", w->path,
                 need / (1 << 20), has / (1 << 20));
    return SCP_OK;
}

/* Claim the room before anything is written: a full disk is then one clear message, and HDF5 never
 * meets it. In a collective write it would: MPI-IO leaves the other ranks waiting for the one that
 * failed. Where a file system cannot claim, it is asked, here and before every write. */
static scp_status reserve(scp_rows_file *w)
{
    off_t bytes = matrix_bytes(&w->shape);
    if (bytes == 0) return SCP_OK;
    int fd = open(w->tmp, O_WRONLY | O_CLOEXEC), why = 0;
    if (fd < 0) return SCP_OK; /* HDF5 says what is wrong */
    if (fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, bytes + HEAD_BYTES) != 0) why = errno;
    close(fd);
    w->claimed = why == 0;
    SCP_TRY(w->claimed ? SCP_OK : check_room(w, bytes));
    if (why == ENOSPC || why == EDQUOT || why == EFBIG)
        SCP_FAIL(SCP_EIO, "no room for %s: %.1f MiB are needed: %s", w->path,
                 (double)bytes / (1 << 20), strerror(why));
    return SCP_OK;
}

scp_status scp_rows_file_create(scp_comm *comm, const char *path, const scp_rows_shape *shape,
                                scp_rows_file **out)
{
    SCP_ARG(comm && path && shape && out, "communicator, path, shape and result are required");
    scp_status st = SCP_OK;
    scp_rows_file *w = NULL;
    *out = NULL;
    st = scp_alloc(1, sizeof *w, &w);
    if (w) {
        *w = (scp_rows_file){ .comm = comm,
                              .shape = *shape,
                              .file = H5I_INVALID_HID,
                              .dset = { H5I_INVALID_HID, H5I_INVALID_HID } };
        SCP_KEEP(st, scp_str_format(w->path, sizeof w->path, "%s", path));
        for (int m = 0; m < SCP_ROWS_MATRICES; m++)
            SCP_KEEP(st, scp_alloc(shape->rows[m], sizeof **w->hash, &w->hash[m]));
    }
    SCP_GOTO(done, scp_agree(comm, st));
    SCP_GOTO(done, share_tmp_name(w));
    SCP_GOTO(done, scp_agree(comm, check_limit(w)));
    SCP_GOTO(done, create_file(w));
    SCP_GOTO(done, scp_agree(comm, is_root(w) ? reserve(w) : SCP_OK));
done:
    if (st != SCP_OK) scp_rows_file_abort(&w);
    *out = w;
    return st;
}

const char *scp_rows_file_tmp(const scp_rows_file *w)
{
    return w->tmp;
}

const uint64_t *scp_rows_file_hashes(const scp_rows_file *w, int m)
{
    return w->hash[m];
}

/* ---- one writer ---- */

static scp_status send_to_root(const scp_rows_file *w, size_t first, size_t n, const float *x)
{
    MPI_Comm mpi = scp_comm_mpi(w->comm);
    size_t step = send_rows(&w->shape), width = w->shape.columns;
    const int64_t range[2] = { (int64_t)first, (int64_t)n };
    SCP_MPI(MPI_Send(range, 2, MPI_INT64_T, 0, TAG_RANGE, mpi));
    for (size_t at = 0; at < n; at += step) {
        size_t rows = n - at < step ? n - at : step;
        SCP_MPI(MPI_Send(x + at * width, (int)(rows * width), MPI_FLOAT, 0, TAG_ROWS, mpi));
    }
    return SCP_OK;
}

/* Take and write the rows of one rank. After a failed write the rest is still taken, so that nobody
 * waits for ever. */
static scp_status write_rank(scp_rows_file *w, int m, int rank)
{
    scp_status st = SCP_OK;
    MPI_Comm mpi = scp_comm_mpi(w->comm);
    size_t step = send_rows(&w->shape), width = w->shape.columns;
    int64_t range[2];
    SCP_MPI(MPI_Recv(range, 2, MPI_INT64_T, rank, TAG_RANGE, mpi, MPI_STATUS_IGNORE));
    for (size_t at = 0, n = (size_t)range[1]; at < n; at += step) {
        size_t rows = n - at < step ? n - at : step;
        SCP_MPI(MPI_Recv(w->received, (int)(rows * width), MPI_FLOAT, rank, TAG_ROWS, mpi,
                         MPI_STATUS_IGNORE));
        if (st == SCP_OK)
            st = scp_h5_write_slab(w->dset[m], H5T_NATIVE_FLOAT, (size_t)range[0] + at, rows,
                                   w->received);
    }
    return st;
}

static scp_status put_by_root(scp_rows_file *w, int m, size_t first, size_t n, const float *x)
{
    scp_status st = SCP_OK;
    if (scp_comm_size(w->comm) > 1)
        scp_watchdog_enter("the rows of all ranks for the one that writes");
    if (!is_root(w)) {
        st = send_to_root(w, first, n, x);
    } else {
        st = scp_h5_write_slab(w->dset[m], H5T_NATIVE_FLOAT, n ? first : 0, n, x);
        for (int rank = 1; rank < scp_comm_size(w->comm); rank++)
            SCP_KEEP(st, write_rank(w, m, rank));
    }
    if (scp_comm_size(w->comm) > 1) scp_watchdog_leave();
    return scp_agree(w->comm, st);
}

/* ---- all writers ---- */

scp_status scp_rows_file_put(scp_rows_file *w, int m, size_t first, size_t n, const float *x)
{
    SCP_ARG(w && (x || n == 0), "writer and rows are required");
    size_t width = w->shape.columns;
    int64_t bytes = (int64_t)(n * width * sizeof *x);
    SCP_TRY(scp_comm_allreduce(w->comm, &bytes, 1, SCP_COMM_I64, SCP_COMM_SUM));
    SCP_TRY(scp_agree(w->comm, is_root(w) && !w->claimed ? check_room(w, bytes) : SCP_OK));
    for (size_t i = 0; i < n; i++)
        w->hash[m][first + i] = scp_hash_bytes(x + i * width, width * sizeof *x, 0);
    if (is_single(w->comm, &w->shape)) return put_by_root(w, m, first, n, x);
    return scp_h5_write_slab_all(w->comm, w->dset[m], H5T_NATIVE_FLOAT, first, n, x);
}

static scp_status close_file(scp_rows_file *w)
{
    scp_status st = SCP_OK;
    if (scp_comm_size(w->comm) > 1) scp_watchdog_enter("closing a file by all ranks");
    for (int m = 0; m < SCP_ROWS_MATRICES; m++) {
        if (w->dset[m] >= 0) SCP_H5_KEEP(st, H5Dclose(w->dset[m]));
        w->dset[m] = H5I_INVALID_HID;
    }
    if (w->file >= 0) SCP_KEEP(st, scp_h5_close(&w->file));
    w->file = H5I_INVALID_HID;
    if (scp_comm_size(w->comm) > 1) scp_watchdog_leave();
    return st;
}

scp_status scp_rows_file_seal(scp_rows_file *w)
{
    SCP_ARG(w, "writer is required");
    SCP_TRY(scp_agree(w->comm, close_file(w)));
    for (int m = 0; m < SCP_ROWS_MATRICES; m++) /* disjoint rows: the sum is the union */
        SCP_TRY(
            scp_comm_allreduce(w->comm, w->hash[m], w->shape.rows[m], SCP_COMM_I64, SCP_COMM_SUM));
    return SCP_OK;
}

scp_status scp_rows_file_commit(scp_rows_file **w)
{
    SCP_ARG(w && *w, "writer is required");
    scp_status st = SCP_OK;
    if (is_root(*w)) st = scp_fs_commit((*w)->tmp, (*w)->path);
    st = scp_agree((*w)->comm, st);
    scp_rows_file_abort(w); /* after a rename there is no temporary left to remove */
    return st;
}

void scp_rows_file_abort(scp_rows_file **file)
{
    if (!file || !*file) return;
    scp_rows_file *w = *file;
    (void)close_file(w);
    if (w->tmp[0] != '\0' && is_root(w)) scp_fs_remove(w->tmp);
    for (int m = 0; m < SCP_ROWS_MATRICES; m++) free(w->hash[m]);
    free(w->received);
    free(w);
    *file = NULL;
}
