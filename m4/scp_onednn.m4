# SCP_ONEDNN: the C interface of oneDNN 2.x or later; it has no pkg-config module.
AC_DEFUN([SCP_ONEDNN], [
SCP_FIND([DNNL], [onednn], [oneDNN], [dnnl], [-ldnnl])
SCP_LINK([DNNL], [oneDNN >= 2], [[#include <dnnl.h>
#if DNNL_VERSION_MAJOR < 2
#error oneDNN is older than 2.0
#endif]], [[return dnnl_version()->major]],
    [], [SCP_MISSING([oneDNN 2], [libdnnl-dev], [--with-onednn=DIR])])
])
