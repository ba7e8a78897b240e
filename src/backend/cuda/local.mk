# Sources of src/backend/cuda: compiled by nvcc with ./configure --with-cuda, and always, by the C++
# compiler against tests/emu, for the tests.
cuda_kernels = src/backend/cuda/attn.cu src/backend/cuda/batchnorm.cu src/backend/cuda/context.cu \
	src/backend/cuda/diffuse.cu src/backend/cuda/dropout.cu src/backend/cuda/elementwise.cu \
	src/backend/cuda/film.cu src/backend/cuda/gemm_lt.cu src/backend/cuda/infonce.cu \
	src/backend/cuda/layout.cu src/backend/cuda/loss.cu src/backend/cuda/narrow.cu src/backend/cuda/norm.cu \
	src/backend/cuda/optim.cu src/backend/cuda/probe.cu src/backend/cuda/step_load.cu
cuda_host = src/backend/cuda/register.c src/backend/cuda/group.c src/backend/cuda/memory.c src/backend/cuda/async.c
cuda_headers = src/backend/cuda/contrastive.cuh src/backend/cuda/cuda.h src/backend/cuda/cuda_ops.h \
	src/backend/cuda/gemm.h src/backend/cuda/kernel.cuh src/backend/cuda/map.cuh \
	src/backend/cuda/memory.h src/backend/cuda/group.h src/backend/cuda/narrow.h src/backend/cuda/dropout.h src/backend/cuda/silu.cuh src/backend/cuda/philox.cuh src/backend/cuda/probe.h \
	src/backend/cuda/reduce.cuh src/backend/cuda/register.h src/backend/cuda/beside.cuh \
	src/backend/cuda/rows.cuh
EXTRA_DIST += $(cuda_kernels) $(cuda_host) $(cuda_headers)
if HAVE_CUDA
libscpengine_a_SOURCES += $(cuda_kernels) $(cuda_host) $(cuda_headers)
CLEANFILES += src/backend/cuda/*.d
-include src/backend/cuda/*.d
endif
