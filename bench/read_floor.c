/* The least that preparing a plate can cost: the chunks of X/data and X/indices are read as they
 * are stored, inflated by the same libraries, and nothing is done with them. Ranks take equal
 * shares of the chunks, their threads ($OMP_NUM_THREADS) claim them one by one. Prints the seconds
 * between the opening of the first plate and the last chunk, on rank 0; exit code 1 when a chunk is
 * bad. */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include <hdf5.h>
#include <mpi.h>
#include <pthread.h>

#include "base/team.h"
#include "comm/world.h"
#include "io/inflate.h"

/* A one-dimensional dataset of chunks under deflate alone. */
typedef struct chunks {
    hid_t set;
    hsize_t length;      /* elements of a chunk */
    size_t bytes;        /* of a chunk          */
    size_t begin, count; /* chunks of this rank */
} chunks;

typedef struct plate {
    chunks part[2]; /* data, indices */
    atomic_size_t next;
    pthread_mutex_t hdf5; /* it is not thread-safe */
} plate;

static int open_chunks(hid_t file, const char *name, int rank, int ranks, chunks *c)
{
    hsize_t n = 0;
    c->set = H5Dopen2(file, name, H5P_DEFAULT);
    if (c->set < 0) return 1;
    hid_t space = H5Dget_space(c->set), type = H5Dget_type(c->set);
    hid_t made = H5Dget_create_plist(c->set);
    int bad = H5Sget_simple_extent_dims(space, &n, NULL) != 1 || H5Pget_nfilters(made) != 1 ||
              H5Pget_layout(made) != H5D_CHUNKED || H5Pget_chunk(made, 1, &c->length) != 1;
    size_t all = bad ? 0 : (size_t)((n + c->length - 1) / c->length);
    c->bytes = bad ? 0 : (size_t)c->length * H5Tget_size(type);
    c->begin = all * (size_t)rank / (size_t)ranks;
    c->count = all * ((size_t)rank + 1) / (size_t)ranks - c->begin;
    H5Pclose(made);
    H5Tclose(type);
    H5Sclose(space);
    return bad;
}

/* Read chunk k of the plate, all of data and indices counted together, and inflate it. */
static int one_chunk(plate *p, size_t k, scp_inflater *inflater, void *stored, size_t room,
                     void *plain)
{
    const chunks *c = k < p->part[0].count ? &p->part[0] : &p->part[1];
    hsize_t at = (c->begin + (c == p->part ? k : k - p->part[0].count)) * c->length, bytes = 0;
    uint32_t mask = 0;
    pthread_mutex_lock(&p->hdf5);
    int bad = H5Dget_chunk_storage_size(c->set, &at, &bytes) < 0 || bytes > room ||
              H5Dread_chunk(c->set, H5P_DEFAULT, &at, &mask, stored) < 0;
    pthread_mutex_unlock(&p->hdf5);
    return bad || mask != 0 ||
           !scp_inflate(inflater, c != p->part, stored, (size_t)bytes, plain, c->bytes);
}

static scp_status work(void *ctx, int thread)
{
    plate *p = ctx;
    size_t bytes = p->part[0].bytes > p->part[1].bytes ? p->part[0].bytes : p->part[1].bytes;
    size_t room = bytes + bytes / 16 + 4096, all = p->part[0].count + p->part[1].count, k;
    scp_inflater *inflater = NULL;
    void *stored = malloc(room), *plain = malloc(bytes + 1);
    int bad = scp_inflater_create(&inflater) != SCP_OK || !stored || !plain;
    (void)thread;
    while (!bad && (k = atomic_fetch_add(&p->next, 1)) < all)
        bad = one_chunk(p, k, inflater, stored, room, plain);
    free(stored);
    free(plain);
    scp_inflater_destroy(&inflater);
    return bad ? SCP_EDATA : SCP_OK;
}

static int read_plate(const char *path, int rank, int ranks)
{
    plate p = { .hdf5 = PTHREAD_MUTEX_INITIALIZER, .part = { { .set = -1 }, { .set = -1 } } };
    hid_t file = H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT);
    int bad = file < 0 || open_chunks(file, "X/data", rank, ranks, &p.part[0]) ||
              open_chunks(file, "X/indices", rank, ranks, &p.part[1]);
    if (!bad) bad = scp_team_run(scp_team_default(), work, &p) != SCP_OK;
    for (int i = 0; i < 2; i++)
        if (p.part[i].set >= 0) H5Dclose(p.part[i].set);
    if (file >= 0) H5Fclose(file);
    return bad;
}

int main(int argc, char **argv)
{
    int bad = 0;
    scp_comm *world = NULL;
    if (scp_world_begin(&argc, &argv, &world) != SCP_OK) return 70;
    const int rank = scp_comm_rank(world), ranks = scp_comm_size(world);
    MPI_Barrier(MPI_COMM_WORLD);
    double start = MPI_Wtime();
    for (int i = 1; i < argc && !bad; i++) bad = read_plate(argv[i], rank, ranks);
    MPI_Barrier(MPI_COMM_WORLD);
    if (rank == 0) printf("%.4f\n", MPI_Wtime() - start);
    if (bad)
        fprintf(stderr, "read_floor: X of a plate is not CSR or CSC in chunks under gzip alone, or "
                        "is damaged\n");
    if (scp_world_end(&world) != SCP_OK) return 70;
    return bad;
}
