/* What the streams of the emulated device do with work; see emu.h. */
#ifndef SCP_TESTS_EMU_RECORD_H
#define SCP_TESTS_EMU_RECORD_H

#include <functional>
#include <vector>

#include "cuda_runtime_api.h"

namespace emu
{
/* cudaErrorNotReady: not yet; it is asked again. Another error is the device's, see fail. */
using work = std::function<cudaError_t()>;

/** Put work at the end of a stream, or, where that is captured, into the graph. An error is the
 *  call's own. `writes`: beginnings of memory that it changes, as far as they are known; two calls of
 *  a graph that nothing orders may have none in common. */
cudaError_t enqueue(cudaStream_t s, work w, std::vector<const void *> writes = {});
/** An error of the call itself: kept for cudaGetLastError. */
cudaError_t keep(cudaError_t e);
/** A call that no capture of this thread allows: while one is open, the capture is spoilt and
 *  cudaErrorStreamCaptureUnsupported comes back. */
cudaError_t unsafe();
/** Number of the capture that a stream is part of; 0: none. */
unsigned long capture_of(cudaStream_t s);
/** Run all there is, as cudaFree and cudaDeviceSynchronize do; the first error of any work since
 *  the last wait. */
cudaError_t drain();
/** With $SCP_EMU_DRY kernels and products are counted and checked, and compute nothing. */
bool dry();
/** A message on stderr, unless scp_emu_loud said no. */
void complain(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
} // namespace emu

#endif
