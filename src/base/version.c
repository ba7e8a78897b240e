/* revision.h is written by make: revision, compiler, flags, library versions. */
#include "config.h"

#include "base/version.h"

#include "revision.h"

#ifdef _OPENMP
#define OPENMP_TEXT "yes"
#else
#define OPENMP_TEXT "no"
#endif

const char *scp_version(void)
{
    return PACKAGE_VERSION;
}

const char *scp_version_git(void)
{
    return SCP_REVISION;
}

const char *scp_version_build(void)
{
    return "compiler: " SCP_BUILD_CC " (" __VERSION__ ")\n"
           "flags:    " SCP_BUILD_CFLAGS "\n"
           "backends: " SCP_BUILD_BACKENDS "\n"
           "openmp:   " OPENMP_TEXT "\n"
           "built on: " SCP_BUILD_LIBS "\n";
}
