# SCP_XXHASH: xxHash 0.8 with XXH3, for checksums and keys.
AC_DEFUN([SCP_XXHASH], [
SCP_FIND([XXHASH], [xxhash], [xxHash], [libxxhash], [-lxxhash])
SCP_LINK([XXHASH], [xxHash with XXH3], [[#include <xxhash.h>]], [[return (int)XXH3_64bits("a", 1)]],
    [], [SCP_MISSING([xxHash 0.8], [libxxhash-dev], [--with-xxhash=DIR])])
])

# SCP_UTHASH: uthash, one header of hash tables.
AC_DEFUN([SCP_UTHASH], [
AC_CHECK_HEADER([uthash.h], [], [SCP_MISSING([uthash.h], [uthash-dev], [CPPFLAGS=-IDIR])])
])
