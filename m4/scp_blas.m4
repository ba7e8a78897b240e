# SCP_BLAS: the C interface of a BLAS. --with-blas=openblas|blis names a pkg-config module, =DIR a folder.
AC_DEFUN([SCP_BLAS], [
scp_blas_module=openblas
AS_CASE([$with_blas], [''|yes|no|*/*], [], [scp_blas_module=$with_blas; with_blas=yes])
SCP_FIND([BLAS], [blas], [OpenBLAS or BLIS], [$scp_blas_module], [-l$scp_blas_module])
SCP_LINK([BLAS], [cblas_sgemm ($scp_blas_module)], [[#include <cblas.h>]],
    [[float a[1] = {1}; cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, 1, 1, 1, 1, a, 1, a, 1, 0, a, 1)]],
    [], [SCP_MISSING([BLAS with its C interface], [libopenblas-openmp-dev], [--with-blas=DIR])])
# Two thread pools that do not know of each other fight for the cores.
SCP_LINK([BLAS], [openblas_get_parallel], [[#include <cblas.h>]], [[return openblas_get_parallel()]],
    [scp_save_CPPFLAGS=$CPPFLAGS scp_save_LIBS=$LIBS
     CPPFLAGS="$CPPFLAGS $BLAS_CFLAGS" LIBS="$BLAS_LIBS $LIBS"
     AC_RUN_IFELSE([AC_LANG_PROGRAM([[#include <cblas.h>]], [[return openblas_get_parallel() == 1]])], [],
        [AC_MSG_WARN([this OpenBLAS has its own thread pool beside OpenMP's; on Debian install libopenblas-openmp-dev])],
        [:])
     CPPFLAGS=$scp_save_CPPFLAGS LIBS=$scp_save_LIBS])
])
