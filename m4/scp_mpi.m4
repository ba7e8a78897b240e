# SCP_MPI_CC: the compiler wrapper becomes CC; call before AC_PROG_CC.
AC_DEFUN([SCP_MPI_CC], [
AC_ARG_WITH([mpi], [AS_HELP_STRING([--with-mpi=DIR], [MPI with DIR/bin/mpicc and DIR/bin/mpirun (default: PATH)])])
AC_ARG_VAR([MPICC], [MPI C compiler wrapper, used as CC])
AC_ARG_VAR([MPIRUN], [launcher of the MPI tests])
AS_CASE([$with_mpi],
    [no], [AC_MSG_ERROR([MPI is needed, --without-mpi is not possible])],
    [yes|''], [scp_mpi_path=$PATH],
    [scp_mpi_path=$with_mpi/bin])
AC_PATH_PROGS([MPICC], [mpicc], [], [$scp_mpi_path])
AC_PATH_PROGS([MPIRUN], [mpirun mpiexec], [mpirun], [$scp_mpi_path])
AS_IF([test -z "$MPICC"], [SCP_MISSING([the MPI compiler mpicc], [libopenmpi-dev], [--with-mpi=DIR or MPICC=...])])
CC=$MPICC
])

# SCP_MPI: prove the wrapper; MPI 3.1 is needed (non-blocking collectives, MPI_Count as MPI_Aint).
AC_DEFUN([SCP_MPI], [
MPI_CFLAGS= MPI_LIBS=
SCP_LINK([MPI], [MPI >= 3.1 by $CC], [[#include <mpi.h>
#if MPI_VERSION < 3 || (MPI_VERSION == 3 && MPI_SUBVERSION < 1)
#error MPI is older than 3.1
#endif]], [[MPI_Request r; double x = 0; MPI_Init(0, 0);
    MPI_Iallreduce(MPI_IN_PLACE, &x, 1, MPI_DOUBLE, MPI_SUM, MPI_COMM_WORLD, &r)]],
    [], [SCP_MISSING([MPI 3.1], [libopenmpi-dev], [--with-mpi=DIR])])
])
