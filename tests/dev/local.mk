# Sources of tests/dev.
check_PROGRAMS += tests/dev/device.t
TESTS += tests/dev/device.t
tests_dev_device_t_SOURCES = tests/dev/device.c tests/dev/deferred.h tests/dev/deferred.c
tests_dev_device_t_LDADD = libscptest.a $(LDADD)
