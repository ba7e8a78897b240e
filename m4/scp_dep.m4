# What the macro of every dependency shares.
#
# The contract: --with-NAME=DIR looks in DIR/include and DIR/lib only; without it pkg-config is asked
# and then the plain library name is tried. The answer is PREFIX_CFLAGS and PREFIX_LIBS, proved by a
# link test. A needed library that does not link stops configure and names its Debian package.

# SCP_MISSING(WHAT, DEBIAN-PACKAGE, OPTION)
# -----------------------------------------
AC_DEFUN([SCP_MISSING], [
AC_MSG_ERROR([$1 was not found or does not link (the failed test is in config.log).
  Debian:    apt-get install $2
  elsewhere: ./configure $3])])

# SCP_FIND(PREFIX, NAME, WHAT, PKG-CONFIG-MODULES, LIBS)
# ------------------------------------------------------
# Set PREFIX_CFLAGS and PREFIX_LIBS; the first known pkg-config module of the list is used.
AC_DEFUN([SCP_FIND], [
AC_REQUIRE([PKG_PROG_PKG_CONFIG])
AC_ARG_WITH([$2], [AS_HELP_STRING([--with-$2=DIR], [$3 in DIR (default: pkg-config, then the system)])])
AC_ARG_VAR([$1_CFLAGS], [C compiler flags of $3])
AC_ARG_VAR([$1_LIBS], [linker flags of $3])
AS_CASE([$with_$2],
    [no], [AC_MSG_ERROR([$3 is needed, --without-$2 is not possible])],
    [yes|''], [scp_dir=],
    [scp_dir=$with_$2
     AS_IF([test -d "$scp_dir/include"], [], [AC_MSG_ERROR([--with-$2: no folder $scp_dir/include])])])
scp_module=
AS_IF([test -z "$scp_dir" && test -n "$PKG_CONFIG"],
    [for scp_try in $4; do
        AS_IF([test -z "$scp_module" && $PKG_CONFIG --exists "$scp_try" 2>&AS_MESSAGE_LOG_FD],
              [scp_module=$scp_try])
    done])
AS_IF([test -n "$scp_dir"],
    [$1_CFLAGS="-I$scp_dir/include"
     $1_LIBS="-L$scp_dir/lib -Wl,-rpath,$scp_dir/lib $5"],
    [test -n "$scp_module"],
    [test -n "$$1_CFLAGS" || $1_CFLAGS=`$PKG_CONFIG --cflags "$scp_module"`
     test -n "$$1_LIBS" || $1_LIBS=`$PKG_CONFIG --libs "$scp_module"`],
    [test -n "$$1_LIBS" || $1_LIBS="$5"])
])

# SCP_LINK(PREFIX, WHAT, HEADERS, BODY, [IF-YES], [IF-NO])
# --------------------------------------------------------
# Link a program with the flags of PREFIX in the current language; nothing is left in CPPFLAGS or LIBS.
AC_DEFUN([SCP_LINK], [
scp_save_CPPFLAGS=$CPPFLAGS
scp_save_LIBS=$LIBS
CPPFLAGS="$CPPFLAGS $$1_CFLAGS"
LIBS="$$1_LIBS $LIBS"
AC_MSG_CHECKING([for $2])
AC_LINK_IFELSE([AC_LANG_PROGRAM([$3], [$4])], [scp_ok=yes], [scp_ok=no])
AC_MSG_RESULT([$scp_ok])
CPPFLAGS=$scp_save_CPPFLAGS
LIBS=$scp_save_LIBS
AS_IF([test "$scp_ok" = yes], [m4_default([$5], [:])], [m4_default([$6], [:])])
])
