# Sources of src/backend/cuda: only with ./configure --with-cuda.
EXTRA_DIST += src/backend/cuda/probe.cu src/backend/cuda/step_load.cu
if HAVE_CUDA
libscpengine_a_SOURCES += src/backend/cuda/probe.h src/backend/cuda/probe.cu \
	src/backend/cuda/register.h src/backend/cuda/register.c \
	src/backend/cuda/cuda.h src/backend/cuda/cuda_ops.h \
	src/backend/cuda/memory.h src/backend/cuda/memory.c src/backend/cuda/async.c \
	src/backend/cuda/step_load.cu
CLEANFILES += src/backend/cuda/*.d
-include src/backend/cuda/*.d
endif
