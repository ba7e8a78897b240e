/* Device memory, streams and recorded programs of the CUDA backend: members of the backend table.
 */
#ifndef SCP_BACKEND_CUDA_MEMORY_H
#define SCP_BACKEND_CUDA_MEMORY_H

#include "backend/cuda/cuda.h"
#include "dev/stream.h"

#ifdef __cplusplus
extern "C" {
#endif

/* memory.c. Reads, writes and zeroing are in stream order; reads and writes return when done. */
scp_status scp_cuda_alloc(scp_device *dev, size_t bytes, void **out) SCP_MUST_USE;
void scp_cuda_release(scp_device *dev, void *p);
scp_status scp_cuda_write(scp_device *dev, void *dst, const void *host, size_t bytes) SCP_MUST_USE;
scp_status scp_cuda_read(scp_device *dev, void *host, const void *src, size_t bytes) SCP_MUST_USE;
scp_status scp_cuda_zero(scp_device *dev, void *dst, size_t bytes) SCP_MUST_USE;
scp_status scp_cuda_memory(scp_device *dev, size_t *left, size_t *total) SCP_MUST_USE;
void scp_cuda_describe(const scp_device *dev, char *buf, size_t size);
void scp_cuda_uuid(const scp_device *dev, uint8_t id[16]);

/* async.c */
extern const scp_async scp_cuda_async;
/** The stream beside the main one, made on first use; and its end, by scp_cuda_close. */
scp_status scp_cuda_side_stream(scp_cuda *cu, void **stream) SCP_MUST_USE;
void scp_cuda_side_close(scp_cuda *cu);

#ifdef __cplusplus
}
#endif

#endif
