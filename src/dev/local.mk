# Sources of src/dev.
libscpengine_a_SOURCES += src/dev/device.h src/dev/device.c src/dev/cuda_check.h src/dev/stream.h src/dev/stream.c \
	src/dev/local_rank.h src/dev/local_rank.c
