# Tests of src/io.
check_PROGRAMS += tests/io/h5.t tests/io/h5_all.mpi
TESTS += tests/io/h5.t tests/io/h5_all.mpi
tests_io_h5_t_SOURCES = tests/io/h5.c
tests_io_h5_t_LDADD = libscptest.a $(LDADD)
tests_io_h5_all_mpi_SOURCES = tests/io/h5_all.c
tests_io_h5_all_mpi_LDADD = libscptest.a $(LDADD)
