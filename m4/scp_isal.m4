# SCP_ISAL: Intel's storage library, optional: it inflates columns of sparse matrices faster than
# libdeflate. --with-isal[=DIR|auto|no], default auto; asked for and missing is an error.
AC_DEFUN([SCP_ISAL], [
AC_ARG_WITH([isal], [AS_HELP_STRING([--with-isal@<:@=DIR|auto|no@:>@], [ISA-L, to inflate faster (default: auto)])],
    [], [with_isal=auto])
have_isal=no
ISAL_CFLAGS= ISAL_LIBS=-lisal
AS_CASE([$with_isal], [yes|auto|no], [],
    [ISAL_CFLAGS="-I$with_isal/include"
     ISAL_LIBS="-L$with_isal/lib -Wl,-rpath,$with_isal/lib -lisal"])
AS_IF([test "$with_isal" != no],
    [SCP_LINK([ISAL], [ISA-L (optional)], [[#include <isa-l/igzip_lib.h>]],
        [[struct inflate_state s; isal_inflate_init(&s); return isal_inflate_stateless(&s) + ISAL_ZLIB]],
        [have_isal=yes])])
AS_CASE([$have_isal:$with_isal],
    [no:auto], [AC_MSG_WARN([no ISA-L: plates are inflated by libdeflate, some 15 % slower (Debian: libisal-dev)])],
    [no:no], [], [no:*], [SCP_MISSING([ISA-L], [libisal-dev], [--with-isal=DIR, or --without-isal])])
AS_IF([test $have_isal = yes],
    [AC_DEFINE([HAVE_ISAL], [1], [Define to 1 to inflate by ISA-L where it is faster.])],
    [ISAL_CFLAGS= ISAL_LIBS=])
AC_SUBST([ISAL_CFLAGS])
AC_SUBST([ISAL_LIBS])
])
