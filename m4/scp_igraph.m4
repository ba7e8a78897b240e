# SCP_IGRAPH: igraph, which lays out the UMAP figures of scppdm_report. Optional: without it those
# figures are left out of a report, and the page says so.
AC_DEFUN([SCP_IGRAPH], [
AS_IF([test "$with_igraph" = no],
    [have_igraph=no IGRAPH_CFLAGS= IGRAPH_LIBS=],
    [SCP_FIND([IGRAPH], [igraph], [igraph], [igraph], [-ligraph])
     SCP_LINK([IGRAPH], [igraph 0.10], [[#include <igraph/igraph.h>]],
        [[return igraph_layout_umap(0, 0, 0, 0, 0.1, 10, 0)]], [have_igraph=yes], [have_igraph=no])
     AS_IF([test $have_igraph = no],
        [AS_IF([test -n "$with_igraph"],
            [SCP_MISSING([igraph 0.10], [libigraph-dev], [--with-igraph=DIR])],
            [AC_MSG_WARN([no igraph 0.10: reports will have no UMAP figures (apt-get install libigraph-dev)])])
         IGRAPH_CFLAGS= IGRAPH_LIBS=])])
AS_IF([test $have_igraph = yes], [AC_DEFINE([HAVE_IGRAPH], [1], [igraph lays out UMAP figures])])
AC_SUBST([IGRAPH_CFLAGS])
AC_SUBST([IGRAPH_LIBS])
])
