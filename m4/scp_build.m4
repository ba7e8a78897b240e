# How to build: debug, sanitizers, coverage, this machine's own instructions.

# SCP_BUILD_ARGS: read the options; call before the compilers are set up.
# CFLAGS and CXXFLAGS of the user always win.
AC_DEFUN([SCP_BUILD_ARGS], [
AC_ARG_ENABLE([debug], [AS_HELP_STRING([--enable-debug], [no optimization, extra checks (SCP_DEBUG)])],
    [], [enable_debug=no])
AC_ARG_ENABLE([sanitizers], [AS_HELP_STRING([--enable-sanitizers], [address and undefined-behaviour sanitizers])],
    [], [enable_sanitizers=no])
AC_ARG_ENABLE([coverage], [AS_HELP_STRING([--enable-coverage], [count executed lines (gcov)])],
    [], [enable_coverage=no])
AC_ARG_ENABLE([native], [AS_HELP_STRING([--enable-native],
    [compile for this machine only (-march=native); the default runs on any machine of the architecture])],
    [], [enable_native=no])
AS_IF([test "$enable_debug" = yes || test "$enable_coverage" = yes],
    [: ${CFLAGS="-Og -g3"} ${CXXFLAGS="-Og -g3"}],
    [: ${CFLAGS="-O3 -g -fno-math-errno -fno-trapping-math"} ${CXXFLAGS="-O2 -g"}])
])

# SCP_BUILD_FLAGS: what the options mean, in SCP_EXTRA_FLAGS for compiling and linking.
AC_DEFUN([SCP_BUILD_FLAGS], [
SCP_EXTRA_FLAGS=
AS_IF([test "$enable_debug" = yes], [AC_DEFINE([SCP_DEBUG], [1], [Define to 1 for costly checks.])])
AS_IF([test "$enable_sanitizers" = yes],
    [SCP_EXTRA_FLAGS="$SCP_EXTRA_FLAGS -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer"])
AS_IF([test "$enable_coverage" = yes], [SCP_EXTRA_FLAGS="$SCP_EXTRA_FLAGS --coverage"])
AS_IF([test "$enable_native" = yes], [SCP_EXTRA_FLAGS="$SCP_EXTRA_FLAGS -march=native"])
AC_SUBST([SCP_EXTRA_FLAGS])
AM_CONDITIONAL([SANITIZERS], [test "$enable_sanitizers" = yes])
])

# SCP_BUILD_LEVELS: may the kernels of the cpu backend be compiled for x86-64-v3 and -v4 as well, the
# program choosing when it runs? Not with --enable-native, which leaves nothing to choose. The flags
# come after the user's, as src/backend/local.mk does it.
AC_DEFUN([SCP_BUILD_LEVELS], [
AC_CACHE_CHECK([whether $CC compiles for several levels of x86-64], [scp_cv_cpu_levels], [
scp_save_cflags=$CFLAGS
CFLAGS="$CFLAGS -march=x86-64-v4 -mprefer-vector-width=512 -mavx512bf16"
AC_LINK_IFELSE([AC_LANG_PROGRAM([],
    [[return __builtin_cpu_supports("x86-64-v4") && __builtin_cpu_supports("avx512bf16");]])],
    [scp_cv_cpu_levels=yes], [scp_cv_cpu_levels=no])
CFLAGS=$scp_save_cflags])
scp_cpu_levels=$scp_cv_cpu_levels
AS_IF([test "$enable_native" = yes], [scp_cpu_levels=no])
AS_IF([test "$scp_cpu_levels" = yes],
    [AC_DEFINE([SCP_CPU_LEVELS], [1], [Define to 1 when cpu kernels are compiled for x86-64-v3 and -v4 too, products in bf16 among them.])])
AM_CONDITIONAL([CPU_LEVELS], [test "$scp_cpu_levels" = yes])
])

# SCP_CONFIGURE_SUMMARY: what was chosen and what to run next. Call last.
AC_DEFUN([SCP_CONFIGURE_SUMMARY], [
AS_IF([test "$silent" != yes], [
AS_ECHO(["
$PACKAGE_NAME $PACKAGE_VERSION
  compiler     $CC ($CFLAGS$SCP_EXTRA_FLAGS)
  HDF5         $HDF5_LIBS
  BLAS         $BLAS_LIBS
  oneDNN       $DNNL_LIBS
  RDKit        $scp_rdkit_root
  CUDA         $have_cuda${NVCC:+ ($NVCC:$scp_archs)}
  NCCL         $have_nccl
  igraph       $have_igraph
  debug        $enable_debug   sanitizers $enable_sanitizers   coverage $enable_coverage   native $enable_native
  prefix       $prefix

Next:  make -j4          build
       make check        tests (some minutes; the long ones: make check-long)
       make install      programs, configurations, Slurm scripts, manual pages
"])])
])
