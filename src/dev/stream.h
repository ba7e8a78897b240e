/* Streams, events, pinned memory and captured programs of a device. Calls on a stream run in their
 * order, after this call returned; two streams run side by side. On a device whose backend has no
 * scp_async every call is done when it returns, and a program cannot be captured. Not collective.
 */
#ifndef SCP_DEV_STREAM_H
#define SCP_DEV_STREAM_H

#include "dev/device.h"

/* MAIN: the operations, and everything that reads and writes device memory. COMM: what moves
 * gradients between ranks while MAIN computes. */
typedef enum scp_stream { SCP_STREAM_MAIN, SCP_STREAM_COMM, SCP_STREAM_COUNT } scp_stream;

typedef enum scp_copy { SCP_COPY_TO_DEVICE, SCP_COPY_TO_HOST, SCP_COPY_ON_DEVICE } scp_copy;

typedef struct scp_event scp_event;     /* a place in a stream                    */
typedef struct scp_program scp_program; /* what was enqueued during a capture     */

/* What a backend with streams provides; semantics below. All members are set. */
typedef struct scp_async {
    scp_status (*pin)(scp_device *dev, size_t bytes, void **out);
    void (*unpin)(scp_device *dev, void *p);
    scp_status (*copy)(scp_device *dev, scp_stream s, scp_copy way, void *dst, const void *src,
                       size_t bytes);
    scp_status (*event_create)(scp_device *dev, scp_event **out);
    void (*event_destroy)(scp_device *dev, scp_event *e);
    scp_status (*event_record)(scp_device *dev, scp_event *e, scp_stream s);
    scp_status (*event_follow)(scp_device *dev, scp_stream s, scp_event *e);
    scp_status (*event_done)(scp_device *dev, scp_event *e, bool *done);
    scp_status (*capture_begin)(scp_device *dev);
    scp_status (*capture_end)(scp_device *dev, scp_program **out);
    scp_status (*launch)(scp_device *dev, scp_program *p);
    void (*program_destroy)(scp_device *dev, scp_program *p);
    size_t (*program_calls)(const scp_program *p);
    scp_status (*native)(scp_device *dev, scp_stream s, void **stream);
} scp_async;

/** Host memory [bytes], zeroed, that copies on a stream may use. scp_unpin. */
scp_status scp_pin(scp_device *dev, size_t bytes, void **out) SCP_MUST_USE;
void scp_unpin(scp_device *dev, void *p);

/** Enqueue a copy. Host memory must be from scp_pin and stay until the stream got there. */
scp_status scp_stream_copy(scp_device *dev, scp_stream s, scp_copy way, void *dst, const void *src,
                           size_t bytes) SCP_MUST_USE;

/** An event is done until it is first recorded. scp_event_destroy. */
scp_status scp_event_create(scp_device *dev, scp_event **out) SCP_MUST_USE;
void scp_event_destroy(scp_device *dev, scp_event **e);
/** Mark the end of what stream s has. In a capture it ties streams together; the host cannot wait
 * for such a mark. */
scp_status scp_event_record(scp_device *dev, scp_event *e, scp_stream s) SCP_MUST_USE;
/** What is enqueued on s from now on waits for the event. */
scp_status scp_event_follow(scp_device *dev, scp_stream s, scp_event *e) SCP_MUST_USE;
/** Has the device got there? */
scp_status scp_event_done(scp_device *dev, scp_event *e, bool *done) SCP_MUST_USE;

/** The vendor's own handle of a stream (cudaStream_t). */
scp_status scp_stream_native(scp_device *dev, scp_stream s, void **stream) SCP_MUST_USE;

/** Can this device capture programs? */
bool scp_capture_possible(const scp_device *dev);
/** Calls between begin and end are kept, not run: those of MAIN, and those of COMM that are tied to
 *  MAIN by events, which must join it before the end. No memory is taken, nothing is read. After an
 *  error call end as well: it leaves the capture. *out: scp_program_destroy. */
scp_status scp_capture_begin(scp_device *dev) SCP_MUST_USE;
scp_status scp_capture_end(scp_device *dev, scp_program **out) SCP_MUST_USE;
/** Enqueue all calls of a program on MAIN. */
scp_status scp_program_launch(scp_device *dev, scp_program *p) SCP_MUST_USE;
/** Calls that a program holds: kernels, copies, events. */
size_t scp_program_calls(const scp_device *dev, const scp_program *p);
void scp_program_destroy(scp_device *dev, scp_program **p);

#endif
