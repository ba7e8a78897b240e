# Sources of tests/comm.
check_PROGRAMS += tests/comm/comm.mpi
TESTS += tests/comm/comm.mpi
tests_comm_comm_mpi_SOURCES = tests/comm/comm.c
tests_comm_comm_mpi_LDADD = libscptest.a $(LDADD)
check_PROGRAMS += tests/comm/node.mpi
TESTS += tests/comm/node.mpi
tests_comm_node_mpi_SOURCES = tests/comm/node.c
tests_comm_node_mpi_LDADD = libscptest.a $(LDADD)
check_PROGRAMS += tests/comm/device.mpi
TESTS += tests/comm/device.mpi
tests_comm_device_mpi_SOURCES = tests/comm/device.c tests/dev/deferred.h tests/dev/deferred.c
tests_comm_device_mpi_LDADD = libscptest.a $(LDADD)
check_PROGRAMS += tests/comm/watch.t
TESTS += tests/comm/watch.t
tests_comm_watch_t_SOURCES = tests/comm/watch.c
tests_comm_watch_t_LDADD = libscptest.a $(LDADD)
check_PROGRAMS += tests/comm/alone.t
TESTS += tests/comm/alone.t
tests_comm_alone_t_SOURCES = tests/comm/alone.c
tests_comm_alone_t_LDADD = libscptest.a $(LDADD)
# NCCL itself is emulated: the sources that know it are compiled against the emulation, in every build.
check_PROGRAMS += tests/comm/nccl.mpi
TESTS += tests/comm/nccl.mpi
tests_comm_nccl_mpi_SOURCES = tests/comm/nccl.c src/comm/nccl.c src/comm/choose.c tests/emu/backends.c \
	tests/train/small_net.h tests/train/small_net.c tests/dev/deferred.h tests/dev/deferred.c
tests_comm_nccl_mpi_CPPFLAGS = $(EMU_CPPFLAGS) -DHAVE_NCCL=1 $(AM_CPPFLAGS)
tests_comm_nccl_mpi_LDADD = libscptest.a libscpemu.a $(LDADD) -lstdc++
# Preloaded into the programs of hangs.sh; a program for automake, since nothing else here is a shared library.
check_PROGRAMS += tests/comm/stopper.so
tests_comm_stopper_so_SOURCES = tests/comm/stopper.c
tests_comm_stopper_so_CFLAGS = -std=gnu11 -Wall -Wextra -fPIC
tests_comm_stopper_so_LDFLAGS = -shared
tests_comm_stopper_so_LDADD =
dist_check_SCRIPTS += tests/comm/hangs.sh
TESTS += tests/comm/hangs.sh
