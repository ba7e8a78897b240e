# Sources of src/dev.
libscpengine_a_SOURCES += src/dev/device.h src/dev/device.c
