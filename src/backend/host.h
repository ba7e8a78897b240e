/* Memory of the backends that live in host memory (ref, cpu). */
#ifndef SCP_BACKEND_HOST_H
#define SCP_BACKEND_HOST_H

#include "dev/device.h"

bool scp_host_available(const char **why);
scp_status scp_host_alloc(scp_device *dev, size_t bytes, void **out);
void scp_host_release(scp_device *dev, void *p);
scp_status scp_host_write(scp_device *dev, void *dst, const void *host, size_t bytes);
scp_status scp_host_read(scp_device *dev, void *host, const void *src, size_t bytes);
scp_status scp_host_zero(scp_device *dev, void *dst, size_t bytes);

/* The ends of a training step (tensor/step.h), by the backend's own optimiser. host_step.c */
extern const struct scp_step_impl scp_host_step;

#endif
