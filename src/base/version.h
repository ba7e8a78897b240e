/* What this build is: version, git revision, compiler, features. */
#ifndef SCP_BASE_VERSION_H
#define SCP_BASE_VERSION_H

#include "base/status.h"

const char *scp_version(void);       /* e.g. "0.1.0"                                              */
const char *scp_version_git(void);   /* e.g. "1a2b3c4" or "unknown" (release tarball)             */
const char *scp_version_build(void); /* compiler, flags and features as configured, several lines */

#endif
