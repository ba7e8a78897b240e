# The CUDA kernels on the host: the same .cu files, compiled by the C++ compiler against an emulation
# of the CUDA runtime (emu.h), in every build.
EMU_CPPFLAGS = -I$(top_srcdir)/tests/emu/include -I$(top_srcdir)/src -I$(top_srcdir)/tests $(RANDOM123_CFLAGS)
EMU_CXXFLAGS = -std=c++17 -O1 -g -fno-strict-aliasing -Wall -Wextra -Wno-unknown-pragmas $(SCP_EXTRA_FLAGS)
SUFFIXES += .emu
.cu.emu:
	$(AM_V_CXX)$(MKDIR_P) $(@D) && $(CXX) -x c++ -MMD -MP -MF $@.d -MT $@ $(EMU_CPPFLAGS) $(EMU_CXXFLAGS) -c -o $@ $<
emu_objects = $(cuda_kernels:.cu=.emu)
-include src/backend/cuda/*.emu.d

check_LIBRARIES += libscpemu.a
libscpemu_a_SOURCES = tests/emu/emu.h tests/emu/record.h tests/emu/emu.cc tests/emu/runtime.cc tests/emu/stream.cc tests/emu/lt.cc \
	tests/emu/nccl.cc tests/emu/nccl_faults.h tests/emu/include/nccl.h \
	tests/emu/include/cuda_runtime.h tests/emu/include/cuda_runtime_api.h tests/emu/include/cuda_fp16.h \
	tests/emu/include/cuda_bf16.h tests/emu/include/cublasLt.h \
	src/backend/cuda/register.c src/backend/cuda/group.c src/backend/cuda/memory.c src/backend/cuda/async.c
libscpemu_a_CPPFLAGS = $(EMU_CPPFLAGS) $(AM_CPPFLAGS)
libscpemu_a_LIBADD = $(emu_objects)
libscpemu_a_DEPENDENCIES = $(emu_objects)
CLEANFILES += src/backend/cuda/*.emu src/backend/cuda/*.emu.d
emu_ldadd = libscpcases.a libscptest.a libscpemu.a $(LDADD) -lstdc++
check_PROGRAMS += tests/emu/ops.t
TESTS += tests/emu/ops.t
tests_emu_ops_t_SOURCES = tests/emu/ops.c tests/emu/backends.c
tests_emu_ops_t_LDADD = $(emu_ldadd)
check_PROGRAMS += tests/emu/emulator.t tests/emu/plan.t tests/emu/model.t
TESTS += tests/emu/emulator.t tests/emu/plan.t tests/emu/model.t
tests_emu_emulator_t_SOURCES = tests/emu/emulator.cc
tests_emu_emulator_t_CPPFLAGS = $(EMU_CPPFLAGS) $(AM_CPPFLAGS)
tests_emu_emulator_t_CXXFLAGS = $(EMU_CXXFLAGS)
tests_emu_emulator_t_LDADD = $(emu_ldadd)
check_PROGRAMS += tests/emu/streams.t
TESTS += tests/emu/streams.t
tests_emu_streams_t_SOURCES = tests/emu/streams.cc
tests_emu_streams_t_CPPFLAGS = $(EMU_CPPFLAGS) $(AM_CPPFLAGS)
tests_emu_streams_t_CXXFLAGS = $(EMU_CXXFLAGS)
tests_emu_streams_t_LDADD = $(emu_ldadd)
tests_emu_plan_t_SOURCES = tests/emu/plan.c tests/emu/backends.c
tests_emu_plan_t_LDADD = $(emu_ldadd)
tests_emu_model_t_SOURCES = tests/emu/model.c tests/emu/backends.c
tests_emu_model_t_LDADD = libscptoy.a $(emu_ldadd)
check_PROGRAMS += tests/emu/step.t tests/emu/train.t
TESTS += tests/emu/step.t tests/emu/train.t
tests_emu_step_t_SOURCES = tests/emu/step.c tests/emu/backends.c
tests_emu_step_t_LDADD = $(emu_ldadd)
tests_emu_train_t_SOURCES = tests/emu/train.c tests/emu/backends.c
tests_emu_train_t_LDADD = libscptoy.a $(emu_ldadd)
check_PROGRAMS += tests/emu/memory.t tests/emu/again.t
TESTS += tests/emu/memory.t tests/emu/again.t
tests_emu_memory_t_SOURCES = tests/tensor/memory.c tests/emu/backends.c
tests_emu_memory_t_LDADD = libscptoy.a $(emu_ldadd)
tests_emu_again_t_SOURCES = tests/tensor/again.c tests/emu/backends.c
tests_emu_again_t_LDADD = $(emu_ldadd)
check_PROGRAMS += tests/emu/net.t
TESTS += tests/emu/net.t
tests_emu_net_t_SOURCES = tests/diffusion/net.c tests/emu/backends.c
tests_emu_net_t_LDADD = libscptoy.a $(emu_ldadd)
check_PROGRAMS += tests/emu/chain.t
TESTS += tests/emu/chain.t
tests_emu_chain_t_SOURCES = tests/diffusion/chain.c tests/dev/deferred.h tests/dev/deferred.c tests/emu/backends.c
tests_emu_chain_t_LDADD = libscptoy.a $(emu_ldadd)
