# SCP_CUDA: the CUDA toolkit, optional.
#
#   --with-cuda=no (default)  nothing is looked for
#   --with-cuda=auto          used when it is found and works; a warning otherwise
#   --with-cuda[=DIR]         asked for: an error when it is missing
#
# Sets NVCC, CUDA_GENCODE, CUDA_CFLAGS, CUDA_LIBS, the conditional HAVE_CUDA and the macro HAVE_CUDA.
# No driver and no GPU is needed to build, nor to start a program built so.
AC_DEFUN([SCP_CUDA], [
AC_ARG_WITH([cuda], [AS_HELP_STRING([--with-cuda@<:@=DIR|auto|no@:>@], [build the CUDA backend (default: no)])],
    [], [with_cuda=no])
AC_ARG_WITH([cuda-arch], [AS_HELP_STRING([--with-cuda-arch=LIST],
    [compute capabilities to compile for, e.g. 80,90 (default: those of 80,90,100 that nvcc knows)])],
    [], [with_cuda_arch=default])
AC_ARG_VAR([NVCC], [CUDA compiler])
AC_ARG_VAR([NVCCFLAGS], [flags of the CUDA compiler])
: ${NVCCFLAGS="-O3 -lineinfo"}
have_cuda=no
cuda_why=
AS_IF([test "$with_cuda" != no], [SCP_CUDA_FIND])
AS_IF([test -n "$cuda_why"],
    [AS_IF([test "$with_cuda" = auto],
        [AC_MSG_WARN([no CUDA backend: $cuda_why])],
        [AC_MSG_ERROR([--with-cuda: $cuda_why (--with-cuda=DIR names the folder of the toolkit)])])])
AS_IF([test $have_cuda = yes], [AC_DEFINE([HAVE_CUDA], [1], [Define to 1 to build the CUDA backend.])])
AM_CONDITIONAL([HAVE_CUDA], [test $have_cuda = yes])
AC_SUBST([CUDA_GENCODE])
AC_SUBST([CUDA_CFLAGS])
AC_SUBST([CUDA_LIBS])
])

# SCP_CUDA_FIND: set have_cuda=yes, or cuda_why to the reason.
AC_DEFUN([SCP_CUDA_FIND], [
AS_CASE([$with_cuda],
    [yes|auto], [scp_cuda_path=$PATH:/usr/local/cuda/bin],
    [scp_cuda_path=$with_cuda/bin])
AC_PATH_PROG([NVCC], [nvcc], [], [$scp_cuda_path])
AS_IF([test -z "$NVCC"], [cuda_why="nvcc was not found"],
    [scp_cuda_root=`dirname "$NVCC"`/..
     scp_cuda_root=`cd "$scp_cuda_root" && pwd -P`
     scp_cuda_lib=$scp_cuda_root/lib64
     test -d "$scp_cuda_lib" || scp_cuda_lib=$scp_cuda_root/lib
     CUDA_CFLAGS=-I$scp_cuda_root/include
     CUDA_LIBS="-L$scp_cuda_lib -Wl,-rpath,$scp_cuda_lib -lcublasLt -lcudart -lstdc++"
     SCP_CUDA_ARCH
     AS_IF([test -z "$cuda_why"], [SCP_CUDA_COMPRESS])
     SCP_CUDA_LINK])
])

# SCP_CUDA_ARCH: turn the list of capabilities into -gencode flags; the highest also ships PTX.
AC_DEFUN([SCP_CUDA_ARCH], [
AC_MSG_CHECKING([for the GPU generations to compile for])
scp_known=`"$NVCC" --list-gpu-arch 2>/dev/null | sed 's/^compute_//' | tr '\n' ' '`
scp_archs=
AS_IF([test "$with_cuda_arch" = default],
    [for scp_try in 80 90 100; do
        AS_CASE([" $scp_known "], [*" $scp_try "*], [scp_archs="$scp_archs $scp_try"])
    done
    test -n "$scp_archs" || cuda_why="$NVCC lists none of the GPU generations 80, 90, 100"],
    [for scp_try in `AS_ECHO(["$with_cuda_arch"]) | tr ',;' '  ' | tr -d .`; do
        AS_CASE([" $scp_known "], [*" ${scp_try%a} "*], [scp_archs="$scp_archs $scp_try"],
            [AC_MSG_RESULT([none])
             AC_MSG_ERROR([--with-cuda-arch: $NVCC does not know $scp_try; it knows $scp_known])])
    done])
CUDA_GENCODE=
for scp_try in $scp_archs; do
    CUDA_GENCODE="$CUDA_GENCODE -gencode=arch=compute_$scp_try,code=sm_$scp_try"
    scp_last=$scp_try
done
CUDA_GENCODE="$CUDA_GENCODE -gencode=arch=compute_$scp_last,code=compute_$scp_last"
AC_MSG_RESULT([$scp_archs])
])

# SCP_CUDA_COMPRESS: kernels of all generations in a seventh of the room, where nvcc can and every driver that
# runs this toolkit reads it: those of CUDA 13 do, of those of 12.8 and 12.9 (driver 525 and later) only the newer.
AC_DEFUN([SCP_CUDA_COMPRESS], [
AC_MSG_CHECKING([whether $NVCC compresses kernels])
cat >conftest_k.cu <<'SCP_EOF'
#include <cuda_runtime.h>
#if CUDART_VERSION < 13000
#error older drivers may run this
#endif
static __global__ void k() {}
extern "C" void scp_conftest(void) { k<<<1, 1>>>(); }
SCP_EOF
AS_IF([AC_TRY_COMMAND([$NVCC --compress-mode=size -c -ccbin "$CXX" -o conftest_k.$OBJEXT conftest_k.cu >&AS_MESSAGE_LOG_FD 2>&AS_MESSAGE_LOG_FD])],
    [CUDA_GENCODE="$CUDA_GENCODE --compress-mode=size"
     AC_MSG_RESULT([yes])], [AC_MSG_RESULT([no])])
rm -f conftest_k.cu conftest_k.$OBJEXT
])

# SCP_CUDA_LINK: compile a kernel with nvcc and link it as the programs are linked.
AC_DEFUN([SCP_CUDA_LINK], [
AC_MSG_CHECKING([whether $NVCC works with $CXX])
cat >conftest_k.cu <<'SCP_EOF'
#include <cuda_runtime.h>
static __global__ void k(float *x) { x@<:@threadIdx.x@:>@ = 1.0f; }
extern "C" int scp_conftest(void) { int n = 0; k<<<1, 1>>>(nullptr); return cudaGetDeviceCount(&n); }
SCP_EOF
AS_IF([AC_TRY_COMMAND([$NVCC -ccbin "$CXX" -std=c++17 $CUDA_GENCODE $NVCCFLAGS -c -o conftest_k.$OBJEXT conftest_k.cu >&AS_MESSAGE_LOG_FD])],
    [scp_save_LIBS=$LIBS
     LIBS="conftest_k.$OBJEXT $CUDA_LIBS $LIBS"
     AC_LINK_IFELSE([AC_LANG_PROGRAM([[int scp_conftest(void);]], [[return scp_conftest()]])],
        [have_cuda=yes], [cuda_why="a program with cudart and cuBLASLt does not link (see config.log)"])
     LIBS=$scp_save_LIBS],
    [cuda_why="$NVCC cannot compile a kernel with the host compiler $CXX (see config.log)"])
rm -f conftest_k.cu conftest_k.$OBJEXT
AC_MSG_RESULT([$have_cuda])
])
