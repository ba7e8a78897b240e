# Sources of tests/backend.
EXTRA_DIST += tests/backend/cuda_probe.c tests/emu/real.c
if HAVE_CUDA
check_PROGRAMS += tests/backend/cuda_probe.t
TESTS += tests/backend/cuda_probe.t
tests_backend_cuda_probe_t_SOURCES = tests/backend/cuda_probe.c
tests_backend_cuda_probe_t_LDADD = libscptest.a $(LDADD)
check_PROGRAMS += tests/backend/cuda_ops.t
TESTS += tests/backend/cuda_ops.t
tests_backend_cuda_ops_t_SOURCES = tests/emu/ops.c tests/emu/real.c
tests_backend_cuda_ops_t_LDADD = libscpcases.a libscptest.a $(LDADD)
tests_backend_cuda_ops_t_LDFLAGS = $(AM_LDFLAGS) -Wl,--as-needed
endif
check_PROGRAMS += tests/backend/choose.t
TESTS += tests/backend/choose.t
tests_backend_choose_t_SOURCES = tests/backend/choose.c
tests_backend_choose_t_LDADD = libscptest.a $(LDADD)
check_PROGRAMS += tests/backend/threads.t
TESTS += tests/backend/threads.t
tests_backend_threads_t_SOURCES = tests/backend/threads.c
tests_backend_threads_t_LDADD = libscptest.a $(LDADD)
check_PROGRAMS += tests/backend/linalg.t
TESTS += tests/backend/linalg.t
tests_backend_linalg_t_SOURCES = tests/backend/linalg.c
tests_backend_linalg_t_LDADD = libscptest.a $(LDADD)
dist_check_SCRIPTS += tests/backend/cuda_build.sh
TESTS += tests/backend/cuda_build.sh
