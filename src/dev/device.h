/* Devices and the backend contract: memory on a device and the table of operations that run there.
 *
 *   ref   fp64 plain loops, the oracle        cpu   fp32, OpenMP + OpenBLAS/oneDNN
 *   cuda  fp32/fp16 on a GPU
 *
 * Code above never asks which one it has. Nothing here is collective. */
#ifndef SCP_DEV_DEVICE_H
#define SCP_DEV_DEVICE_H

#include <stdint.h>

#include "base/status.h"

/* Element types. SCP_REAL is resolved by the device: fp64 on ref, fp32 on cpu and cuda. F16 (IEEE
 * binary16) and BF16 are storage of activations under mixed precision. */
typedef enum scp_dtype { SCP_REAL, SCP_I32, SCP_U8, SCP_F16, SCP_BF16 } scp_dtype;

typedef struct scp_device scp_device;
struct scp_op_impl;    /* tensor/op.h    */
struct scp_group_impl; /* tensor/op.h    */
struct scp_optim_impl; /* tensor/optim.h */
struct scp_step_impl;  /* tensor/step.h  */
struct scp_async;      /* dev/stream.h   */

/* What a backend provides. Optional members may be NULL. */
typedef struct scp_backend {
    const char *name;
    size_t real_size; /* bytes of one SCP_REAL: 8 (ref), 4 (cpu) */
    bool host;        /* device memory is host memory           */
    /** Can this backend run here? *why (borrowed, static) says why not. */
    bool (*available)(const char **why);
    int (*count)(void); /* optional: devices of this kind here   */
    scp_status (*open)(scp_device *dev, int index); /* optional: sets dev->impl              */
    void (*close)(scp_device *dev);                 /* optional                               */
    scp_status (*alloc)(scp_device *dev, size_t bytes, void **out); /* zeroed, 64-byte aligned */
    void (*release)(scp_device *dev, void *p);
    scp_status (*write)(scp_device *dev, void *dst, const void *host, size_t bytes);
    scp_status (*read)(scp_device *dev, void *host, const void *src, size_t bytes);
    scp_status (*zero)(scp_device *dev, void *dst, size_t bytes);
    scp_status (*sync)(scp_device *dev);  /* optional                               */
    const struct scp_op_impl *const *ops; /* [n_ops], each names its op; tensor/ looks */
    size_t n_ops;
    const struct scp_group_impl *group; /* calls as one; optional, and none on a host */
    const struct scp_optim_impl *optim;
    const struct scp_step_impl *step;   /* the same without the host: tensor/step.h */
    const struct scp_async *async;      /* NULL: every call is done when it returns */
    /** dst [n] = src [n], each of its own type: REAL, F16 or BF16. NULL: no mixed precision, or
     *  a device of the host, where it is emulated. */
    scp_status (*cast)(scp_device *dev, void *dst, scp_dtype dst_type, const void *src,
                       scp_dtype src_type, size_t n);
    /** Memory of the device, bytes. Optional: host memory is not asked for. */
    scp_status (*memory)(scp_device *dev, size_t *left, size_t *total);
    /** Name for people, and 16 bytes that tell one device from another. Optional. */
    void (*describe)(const scp_device *dev, char *buf, size_t size);
    void (*uuid)(const scp_device *dev, uint8_t id[16]);
    /** Where the kernels are compiled for several generations of processors: which these are for,
     *  and the same backend at a lower level (itself where there is none). Else 0 and NULL. */
    int level;
    const struct scp_backend *(*at_level)(int most);
} scp_backend;

struct scp_device {
    const scp_backend *backend;
    int index;  /* which device of its kind */
    void *impl; /* the backend's own state  */
    bool given_up;
};

/* All backends of this build, best last; NULL ends the list. Defined in backend/table.c. */
extern const scp_backend *const scp_backends[];

/** Open "auto", "cpu", "ref", "cuda" or "cuda:N". "auto" takes the best that is available and falls
 *  back, and says so in the log; a named one that is not available is SCP_EDEVICE with the reason.
 *  Without N the ranks of a node take its devices in turn. *out: scp_device_close. */
scp_status scp_device_open(const char *spec, scp_device **out) SCP_MUST_USE;
void scp_device_close(scp_device **dev);

/** What was enqueued may never end: another rank is gone, or the device is stuck. From now on
 *  nothing that ends (memory, events, programs, the device) waits for it: it is left to the end of
 *  the process. Other calls may still wait for ever. */
void scp_device_give_up(scp_device *dev);

/** Name of the device for people: "cpu, level 4", "cuda:1 (NVIDIA H100 80GB HBM3)". */
void scp_device_name(const scp_device *dev, char *buf, size_t size);
/** Take the kernels of a level no higher than `most`, so that processes with different processors
 *  compute the same bits. Before anything is planned for the device; no effect where it has no
 *  levels. */
void scp_device_limit(scp_device *dev, int most);
/** Bytes left and in all; 0 and 0 where the device is the host. */
scp_status scp_device_memory(scp_device *dev, size_t *left, size_t *total) SCP_MUST_USE;
/** Wait for everything that was enqueued on the device. */
scp_status scp_device_sync(scp_device *dev) SCP_MUST_USE;

/** Bytes of n elements of a type on this device. */
size_t scp_device_bytes(const scp_device *dev, scp_dtype type, size_t n);

/** Device memory, zeroed; free with scp_device_release. */
scp_status scp_device_alloc(scp_device *dev, size_t bytes, void **out) SCP_MUST_USE;
void scp_device_release(scp_device *dev, void *p);

/** A resident table of n reals: the host array itself where the device works on host floats (no
 * second copy of a large shard), else a converted copy. `host` outlives the view; read-only. *out:
 * scp_device_view_end. */
scp_status scp_device_view_f32(scp_device *dev, const float *host, size_t n,
                               void **out) SCP_MUST_USE;
void scp_device_view_end(scp_device *dev, void *view, const float *host);

/** Copy n reals from host floats / doubles to the device and back, converting to its real type. */
scp_status scp_device_write_f32(scp_device *dev, void *dst, const float *host,
                                size_t n) SCP_MUST_USE;
scp_status scp_device_write_f64(scp_device *dev, void *dst, const double *host,
                                size_t n) SCP_MUST_USE;
scp_status scp_device_read_f32(scp_device *dev, float *host, const void *src,
                               size_t n) SCP_MUST_USE;
scp_status scp_device_read_f64(scp_device *dev, double *host, const void *src,
                               size_t n) SCP_MUST_USE;

#endif
