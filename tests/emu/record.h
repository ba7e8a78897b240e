/* What a stream does with work: do it, or keep it for a graph. */
#ifndef SCP_TESTS_EMU_RECORD_H
#define SCP_TESTS_EMU_RECORD_H

#include <functional>

#include "cuda_runtime_api.h"

namespace emu
{
/** Run now; while a stream is captured keep it in the graph instead. */
cudaError_t record(std::function<cudaError_t()> work);
/** A message on stderr, unless scp_emu_loud said no. */
void complain(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
} // namespace emu

#endif
