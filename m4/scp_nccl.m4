# SCP_NCCL: collectives between GPUs, optional and only with CUDA. --with-nccl[=DIR|auto|no], default auto:
# looked for beside the CUDA toolkit; asked for and missing is an error.
AC_DEFUN([SCP_NCCL], [
AC_ARG_WITH([nccl], [AS_HELP_STRING([--with-nccl@<:@=DIR|auto|no@:>@], [NCCL for --with-cuda (default: auto)])],
    [], [with_nccl=auto])
have_nccl=no
nccl_why=
NCCL_CFLAGS= NCCL_LIBS=-lnccl
AS_CASE([$have_cuda:$with_nccl],
    [*:no|no:auto], [:],
    [no:*], [nccl_why="it needs --with-cuda"],
    [AS_CASE([$with_nccl], [yes|auto], [],
        [NCCL_CFLAGS="-I$with_nccl/include"
         NCCL_LIBS="-L$with_nccl/lib -Wl,-rpath,$with_nccl/lib -lnccl"])
     NCCL_CFLAGS="$NCCL_CFLAGS $CUDA_CFLAGS" NCCL_LIBS="$NCCL_LIBS $CUDA_LIBS"
     SCP_LINK([NCCL], [NCCL >= 2.14 (non-blocking communicators)], [[#include <nccl.h>
#if NCCL_VERSION_CODE < NCCL_VERSION(2, 14, 0)
#error NCCL is older than 2.14
#endif]], [[ncclConfig_t c = NCCL_CONFIG_INITIALIZER; int v; c.blocking = 0; return ncclGetVersion(&v)]],
        [have_nccl=yes], [nccl_why="NCCL 2.14 or later was not found or does not link (see config.log)"])])
AS_IF([test -n "$nccl_why"],
    [AS_IF([test "$with_nccl" = auto], [AC_MSG_WARN([no NCCL: $nccl_why])],
        [AC_MSG_ERROR([--with-nccl: $nccl_why])])])
AS_IF([test $have_nccl = yes],
    [AC_DEFINE([HAVE_NCCL], [1], [Define to 1 to use NCCL between GPUs.])],
    [NCCL_CFLAGS= NCCL_LIBS=])
AM_CONDITIONAL([HAVE_NCCL], [test $have_nccl = yes])
AC_SUBST([NCCL_CFLAGS])
AC_SUBST([NCCL_LIBS])
])
