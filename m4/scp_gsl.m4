# SCP_GSL: the GNU Scientific Library, for distributions and ranks in the scores.
AC_DEFUN([SCP_GSL], [
SCP_FIND([GSL], [gsl], [GSL], [gsl], [-lgsl -lgslcblas -lm])
# A second C BLAS beside ours would make it a matter of luck which one is called.
GSL_LIBS=`AS_ECHO(["$GSL_LIBS"]) | sed 's/-lgslcblas//'`
scp_gsl_alone=$GSL_LIBS
GSL_LIBS="$GSL_LIBS $BLAS_LIBS"
SCP_LINK([GSL], [GSL], [[#include <gsl/gsl_cdf.h>]], [[return gsl_cdf_tdist_P(0.5, 3.0) > 1]],
    [], [SCP_MISSING([GSL], [libgsl-dev], [--with-gsl=DIR])])
GSL_LIBS=$scp_gsl_alone
])
