# Sources of src/backend/cuda: only with ./configure --with-cuda.
EXTRA_DIST += src/backend/cuda/probe.cu
if HAVE_CUDA
libscpengine_a_SOURCES += src/backend/cuda/probe.h src/backend/cuda/probe.cu \
	src/backend/cuda/register.h src/backend/cuda/register.c \
	src/backend/cuda/cuda.h src/backend/cuda/cuda_ops.h
CLEANFILES += src/backend/cuda/*.d
-include src/backend/cuda/*.d
endif
