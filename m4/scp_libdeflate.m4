# SCP_LIBDEFLATE: libdeflate, which inflates whole chunks in one call and checks them.
AC_DEFUN([SCP_LIBDEFLATE], [
SCP_FIND([LIBDEFLATE], [libdeflate], [libdeflate], [libdeflate], [-ldeflate])
SCP_LINK([LIBDEFLATE], [libdeflate], [[#include <libdeflate.h>]],
    [[return libdeflate_zlib_decompress(libdeflate_alloc_decompressor(), "", 0, 0, 0, 0)]],
    [], [SCP_MISSING([libdeflate 1.0], [libdeflate-dev], [--with-libdeflate=DIR])])
])
