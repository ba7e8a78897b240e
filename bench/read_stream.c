/* What lies between the floor and preparing a plate: the rows of X by the project's own reader,
 * given to a function that does nothing. Ranks take parts of about equal numbers of values, threads
 * as $OMP_NUM_THREADS says. Prints the seconds on rank 0, those of opening the plates left out. */
#include <stdio.h>

#include <mpi.h>

#include "base/team.h"
#include "comm/world.h"
#include "io/h5ad_stream.h"

static scp_status nothing(void *ctx, int thread, const size_t *row, scp_h5ad_rows *rows)
{
    (void)ctx;
    (void)thread;
    (void)row;
    (void)rows;
    return SCP_OK;
}

static scp_status stream(scp_h5ad *f, int rank, int ranks)
{
    size_t n = scp_h5ad_n_obs(f), begin, end;
    SCP_TRY(scp_h5ad_stream_cut(f, 0, n, rank, ranks, &begin));
    SCP_TRY(scp_h5ad_stream_cut(f, 0, n, rank + 1, ranks, &end));
    const scp_h5ad_stream_options o = { .first = begin,
                                        .n = end - begin,
                                        .threads = scp_team_default() };
    uint64_t digest;
    SCP_TRY(scp_h5ad_stream(f, &o, nothing, NULL, &digest));
    return SCP_OK;
}

int main(int argc, char **argv)
{
    double seconds = 0;
    scp_status st = SCP_OK;
    scp_comm *world = NULL;
    if (scp_world_begin(&argc, &argv, &world) != SCP_OK) return 70;
    const int rank = scp_comm_rank(world), ranks = scp_comm_size(world);
    for (int i = 1; i < argc && st == SCP_OK; i++) {
        scp_h5ad *f = NULL;
        st = scp_h5ad_open(argv[i], &f);
        MPI_Barrier(MPI_COMM_WORLD);
        double start = MPI_Wtime();
        if (st == SCP_OK) st = stream(f, rank, ranks);
        MPI_Barrier(MPI_COMM_WORLD);
        seconds += MPI_Wtime() - start;
        scp_h5ad_close(&f);
    }
    if (rank == 0) printf("%.4f\n", seconds);
    if (st != SCP_OK) fprintf(stderr, "read_stream: %s\n", scp_err_message());
    if (scp_world_end(&world) != SCP_OK) return 70;
    return scp_status_exit_code(st);
}
