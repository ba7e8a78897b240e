# Sources of tests.
check_LIBRARIES += libscptest.a
libscptest_a_SOURCES = tests/tap.h tests/tap.c
EXTRA_DIST += tests/mpi-run tests/lsan.supp
