# SCP_RANDOM123: Random123, headers of counter-based random numbers.
AC_DEFUN([SCP_RANDOM123], [
SCP_FIND([RANDOM123], [random123], [Random123], [], [])
SCP_LINK([RANDOM123], [Random123 (philox4x32)], [[#include <Random123/philox.h>]],
    [[philox4x32_ctr_t c = {{0}}; philox4x32_key_t k = {{0}}; return (int)philox4x32(c, k).v[0]]],
    [], [SCP_MISSING([Random123], [librandom123-dev], [--with-random123=DIR])])
])
