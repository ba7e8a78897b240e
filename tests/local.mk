# Sources of tests.
check_LIBRARIES += libscptest.a
libscptest_a_SOURCES = tests/tap.h tests/tap_ranks.h tests/tap.c
EXTRA_DIST += tests/mpi-run tests/cuda-build tests/lsan.supp

# Structure of the tree and of the archives.
dist_check_SCRIPTS += tests/doc.t tests/layers.t tests/shell.t tests/symbols.t
TESTS += tests/doc.t tests/layers.t tests/shell.t tests/symbols.t
EXTRA_DIST += tests/tap.sh
