# Sources of src/backend.
libscpengine_a_SOURCES += src/backend/host.h src/backend/host.c src/backend/host_step.c src/backend/host_ops.h src/backend/table.c
# ref
libscpengine_a_SOURCES += src/backend/ref/ref_ops.h src/backend/ref/ref.c
libscpengine_a_SOURCES += src/backend/ref/linear.c
libscpengine_a_SOURCES += src/backend/ref/elementwise.c src/backend/ref/dropout.c src/backend/ref/layout.c src/backend/ref/norm.c src/backend/ref/unit.c
libscpengine_a_SOURCES += src/backend/ref/attn.c src/backend/ref/film.c src/backend/ref/diffuse.c
libscpengine_a_SOURCES += src/backend/ref/loss.c src/backend/ref/infonce.c src/backend/ref/optim.c
# cpu: the kernels are compiled once more for each level of x86-64, see src/backend/cpu/level.h
cpu_kernels = src/backend/cpu/cpu_ops.h src/backend/cpu/level.h src/backend/cpu/par.h src/backend/cpu/vmath.h src/backend/cpu/gemm.h src/backend/cpu/gemm_block.h \
	src/backend/cpu/ops.c src/backend/cpu/gemm.c src/backend/cpu/linear.c \
	src/backend/cpu/elementwise.c src/backend/cpu/dropout.c src/backend/cpu/layout.c src/backend/cpu/norm.c src/backend/cpu/unit.c \
	src/backend/cpu/attn.c src/backend/cpu/film.c src/backend/cpu/diffuse.c \
	src/backend/cpu/loss.c src/backend/cpu/infonce.c src/backend/cpu/optim.c
libscpengine_a_SOURCES += $(cpu_kernels) src/backend/cpu/cpu.c src/backend/cpu/linalg.c src/backend/cpu/choose.h src/backend/cpu/choose.c
EXTRA_LIBRARIES = libscpcpu3.a libscpcpu4.a libscpcpu5.a
libscpcpu3_a_SOURCES = $(cpu_kernels)
libscpcpu3_a_CPPFLAGS = $(AM_CPPFLAGS) -DSCP_CPU_LEVEL=3
libscpcpu4_a_SOURCES = $(cpu_kernels) src/backend/cpu/gemm_block.c
libscpcpu4_a_CPPFLAGS = $(AM_CPPFLAGS) -DSCP_CPU_LEVEL=4
libscpcpu5_a_SOURCES = src/backend/cpu/gemm_block.h src/backend/cpu/gemm_block.c
libscpcpu5_a_CPPFLAGS = $(AM_CPPFLAGS) -DSCP_CPU_LEVEL=5
# After the user's CFLAGS, whose -march would else win.
$(libscpcpu3_a_OBJECTS): override CFLAGS += -march=x86-64-v3
$(libscpcpu4_a_OBJECTS): override CFLAGS += -march=x86-64-v4 -mprefer-vector-width=512
$(libscpcpu5_a_OBJECTS): override CFLAGS += -march=x86-64-v4 -mprefer-vector-width=512 -mavx512bf16
libscpengine_a_LIBADD =
if CPU_LEVELS
libscpengine_a_LIBADD += $(libscpcpu3_a_OBJECTS) $(libscpcpu4_a_OBJECTS) $(libscpcpu5_a_OBJECTS)
endif
