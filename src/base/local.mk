# Sources of src/base.
libscpengine_a_SOURCES += src/base/status.h src/base/status.c src/base/rng.h src/base/rng.c
