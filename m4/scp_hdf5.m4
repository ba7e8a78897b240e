# SCP_HDF5: HDF5 with parallel writing, 1.10.5 or later (earlier versions lose compressed parallel writes).
AC_DEFUN([SCP_HDF5], [
SCP_FIND([HDF5], [hdf5], [parallel HDF5], [hdf5-openmpi hdf5-mpi hdf5-mpich hdf5], [-lhdf5])
AS_IF([test -n "$scp_module"],
    [AS_IF([$PKG_CONFIG --atleast-version=1.10.5 "$scp_module"], [],
        [AC_MSG_ERROR([HDF5 of pkg-config module $scp_module is older than 1.10.5])])])
SCP_LINK([HDF5], [HDF5 >= 1.10.5], [[#include <hdf5.h>
#if !H5_VERSION_GE(1, 10, 5)
#error HDF5 is older than 1.10.5
#endif]], [[H5open()]],
    [], [SCP_MISSING([HDF5 1.10.5 or later], [libhdf5-openmpi-dev], [--with-hdf5=DIR])])
SCP_LINK([HDF5], [parallel HDF5 (H5Pset_fapl_mpio)], [[#include <hdf5.h>
#ifndef H5_HAVE_PARALLEL
#error this HDF5 was built without MPI
#endif]], [[H5Pset_fapl_mpio(H5P_DEFAULT, MPI_COMM_WORLD, MPI_INFO_NULL)]],
    [], [SCP_MISSING([parallel HDF5 (the one found is serial)], [libhdf5-openmpi-dev], [--with-hdf5=DIR])])
])
