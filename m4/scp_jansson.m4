# SCP_JANSSON: jansson, the reader of JSON.
AC_DEFUN([SCP_JANSSON], [
SCP_FIND([JANSSON], [jansson], [jansson], [jansson], [-ljansson])
SCP_LINK([JANSSON], [jansson >= 2.7], [[#include <jansson.h>
#if JANSSON_VERSION_HEX < 0x020700
#error jansson is older than 2.7
#endif]], [[return json_loads("{}", 0, 0) == 0]],
    [], [SCP_MISSING([jansson 2.7], [libjansson-dev], [--with-jansson=DIR])])
])
