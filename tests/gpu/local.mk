# Sources of tests/gpu. What goes to a GPU machine needs neither MPI nor HDF5: only the libraries that
# it uses are named in it.
check_PROGRAMS += tests/gpu/step.t
TESTS += tests/gpu/step.t
tests_gpu_step_t_SOURCES = tests/gpu/step.c tests/gpu/forked.h tests/gpu/forked.c tests/train/small_net.h \
	tests/train/small_net.c tests/dev/deferred.h tests/dev/deferred.c
tests_gpu_step_t_LDADD = libscptoy.a libscptest.a $(LDADD)
tests_gpu_step_t_LDFLAGS = $(AM_LDFLAGS) -Wl,--as-needed
tests_ops_ops_t_LDFLAGS = $(AM_LDFLAGS) -Wl,--as-needed
tests_model_parity_t_LDFLAGS = $(AM_LDFLAGS) -Wl,--as-needed

EXTRA_PROGRAMS += tests/gpu/gpu_device
tests_gpu_gpu_device_SOURCES = tests/gpu/device.c
tests_gpu_gpu_device_LDFLAGS = $(AM_LDFLAGS) -Wl,--as-needed
CLEANFILES += tests/gpu/gpu_device$(EXEEXT)
EXTRA_DIST += tests/gpu/run tests/gpu/env.sh tests/gpu/make-kit
dist_check_SCRIPTS += tests/gpu/kit.sh
TESTS += tests/gpu/kit.sh

gpu_kit_files = tests/ops/ops.t tests/model/parity.t tests/gpu/step.t tests/gpu/gpu_device bench/bench_gpu
if HAVE_CUDA
gpu_kit_files += tests/backend/cuda_ops.t
endif
.PHONY: gpu-programs gpu-kit
gpu-programs: $(gpu_kit_files)
gpu-kit: gpu-programs
	$(srcdir)/tests/gpu/make-kit . gpu-kit

# The same steps through the CUDA kernels on the emulated device.
check_PROGRAMS += tests/gpu/emulated
dist_check_SCRIPTS += tests/gpu/emulated.sh
TESTS += tests/gpu/emulated.sh
tests_gpu_emulated_SOURCES = $(tests_gpu_step_t_SOURCES) tests/emu/backends.c
tests_gpu_emulated_LDADD = libscptoy.a $(emu_ldadd)

# The benchmark's list of kernels and roofline, computed without a GPU.
check_PROGRAMS += tests/gpu/emulated_bench tests/gpu/list.t
TESTS += tests/gpu/list.t
tests_gpu_emulated_bench_SOURCES = $(bench_gpu_sources) tests/emu/backends.c
tests_gpu_emulated_bench_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/bench
tests_gpu_emulated_bench_LDADD = libscptoy.a $(emu_ldadd)
tests_gpu_list_t_SOURCES = tests/gpu/list.c bench/gpu/gpu_step.c bench/gpu/gpu_list.c tests/emu/backends.c
tests_gpu_list_t_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/bench
tests_gpu_list_t_LDADD = libscptoy.a $(emu_ldadd)
check_PROGRAMS += tests/gpu/list_replay.t
TESTS += tests/gpu/list_replay.t
tests_gpu_list_replay_t_SOURCES = tests/gpu/list_replay.c bench/gpu/gpu_step.c bench/gpu/gpu_list.c tests/emu/backends.c
tests_gpu_list_replay_t_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/bench
tests_gpu_list_replay_t_LDADD = libscptoy.a $(emu_ldadd)
