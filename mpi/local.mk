# Sources of mpi.
