# SCP_ZLIB: zlib, for tables compressed with gzip.
AC_DEFUN([SCP_ZLIB], [
SCP_FIND([ZLIB], [zlib], [zlib], [zlib], [-lz])
SCP_LINK([ZLIB], [zlib >= 1.2.3], [[#include <zlib.h>
#if ZLIB_VERNUM < 0x1230
#error zlib is older than 1.2.3
#endif]], [[z_stream z = { 0 }; return inflateInit2(&z, 31)]],
    [], [SCP_MISSING([zlib 1.2.3 or later], [zlib1g-dev], [--with-zlib=DIR])])
])
