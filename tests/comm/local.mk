# Sources of tests/comm.
check_PROGRAMS += tests/comm/comm.mpi
TESTS += tests/comm/comm.mpi
tests_comm_comm_mpi_SOURCES = tests/comm/comm.c
tests_comm_comm_mpi_LDADD = libscptest.a $(LDADD)
check_PROGRAMS += tests/comm/node.mpi
TESTS += tests/comm/node.mpi
tests_comm_node_mpi_SOURCES = tests/comm/node.c
tests_comm_node_mpi_LDADD = libscptest.a $(LDADD)
