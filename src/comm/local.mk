# Sources of src/comm. What needs no MPI goes with the engine.
libscpengine_a_SOURCES += src/comm/comm.c src/comm/comm.h src/comm/comm_impl.h src/comm/self.c \
	src/comm/node.h src/comm/node.c src/comm/bucket.h src/comm/bucket.c src/comm/watch.h src/comm/watch.c \
	src/comm/watchdog.h src/comm/watchdog.c \
	src/comm/forward.h src/comm/forward.c src/comm/staged.c src/comm/nccl.c src/comm/choose.c
libscppdm_a_SOURCES += src/comm/mpi_bucket.c \
	src/comm/mpi.c src/comm/mpi_handle.h src/comm/mpi_impl.h \
	src/comm/world.c src/comm/world.h
