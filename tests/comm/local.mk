# Sources of tests/comm.
check_PROGRAMS += tests/comm/comm.mpi
TESTS += tests/comm/comm.mpi
tests_comm_comm_mpi_SOURCES = tests/comm/comm.c
tests_comm_comm_mpi_LDADD = libscptest.a $(LDADD)
