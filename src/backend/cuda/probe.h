/* Which CUDA devices this process can use. */
#ifndef SCP_BACKEND_CUDA_PROBE_H
#define SCP_BACKEND_CUDA_PROBE_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Count the usable devices. Needs neither a driver nor a device; never fails.
 *  @param count  [out] number of devices, 0 when there is none
 *  @param why    [out, size bytes] empty when count > 0, else the reason in words, always
 * terminated Not collective. */
void scp_cuda_probe(int *count, char *why, size_t size);

#ifdef __cplusplus
}
#endif

#endif
