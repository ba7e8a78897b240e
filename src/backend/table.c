/* The backends of this build, best last: device "auto" takes the last one that is available. */
#include "backend/cpu/cpu_ops.h"
#include "backend/ref/ref_ops.h"

const scp_backend *const scp_backends[] = { &scp_ref_backend, &scp_cpu_backend, NULL };
