/* The least that preparing a plate can cost: each rank reads and inflates its share of the non-zero
 * values and column numbers of X, in blocks, and does nothing with them. */
#include <stdio.h>
#include <stdlib.h>

#include <hdf5.h>
#include <mpi.h>

enum { BLOCK = 1 << 20 };

/* Read [begin, end) of a one-dimensional dataset; returns 0 on success. */
static int read_range(hid_t file, const char *name, hid_t type, hsize_t begin, hsize_t end,
                      void *block)
{
    hid_t set = H5Dopen2(file, name, H5P_DEFAULT), space = H5Dget_space(set);
    int bad = set < 0 || space < 0;
    for (hsize_t at = begin; at < end && !bad; at += BLOCK) {
        hsize_t n = end - at < BLOCK ? end - at : BLOCK;
        hid_t memory = H5Screate_simple(1, &n, NULL);
        bad = H5Sselect_hyperslab(space, H5S_SELECT_SET, &at, NULL, &n, NULL) < 0 ||
              H5Dread(set, type, memory, space, H5P_DEFAULT, block) < 0;
        H5Sclose(memory);
    }
    H5Sclose(space);
    H5Dclose(set);
    return bad;
}

int main(int argc, char **argv)
{
    int rank = 0, ranks = 1, bad = 0;
    MPI_Init(&argc, &argv);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &ranks);
    void *block = malloc((size_t)BLOCK * 8);
    for (int i = 1; i < argc && block && !bad; i++) {
        hid_t file = H5Fopen(argv[i], H5F_ACC_RDONLY, H5P_DEFAULT);
        hid_t set = file < 0 ? -1 : H5Dopen2(file, "X/data", H5P_DEFAULT);
        if (set < 0) {
            bad = 1;
            break;
        }
        hid_t space = H5Dget_space(set);
        const hsize_t n = (hsize_t)H5Sget_simple_extent_npoints(space);
        const hsize_t begin = n * (hsize_t)rank / (hsize_t)ranks;
        const hsize_t end = n * (hsize_t)(rank + 1) / (hsize_t)ranks;
        H5Sclose(space);
        H5Dclose(set);
        bad = read_range(file, "X/data", H5T_NATIVE_FLOAT, begin, end, block) ||
              read_range(file, "X/indices", H5T_NATIVE_INT, begin, end, block);
        H5Fclose(file);
    }
    free(block);
    if (bad) fprintf(stderr, "read_floor: cannot read X of the plates\n");
    MPI_Finalize();
    return bad;
}
