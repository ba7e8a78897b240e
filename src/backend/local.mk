# Sources of src/backend.
libscpengine_a_SOURCES += src/backend/host.h src/backend/host.c src/backend/host_step.c src/backend/host_ops.h src/backend/table.c
# ref
libscpengine_a_SOURCES += src/backend/ref/ref_ops.h src/backend/ref/ref.c
libscpengine_a_SOURCES += src/backend/ref/linear.c
libscpengine_a_SOURCES += src/backend/ref/elementwise.c src/backend/ref/dropout.c src/backend/ref/layout.c src/backend/ref/norm.c src/backend/ref/unit.c
libscpengine_a_SOURCES += src/backend/ref/attn.c src/backend/ref/film.c src/backend/ref/diffuse.c
libscpengine_a_SOURCES += src/backend/ref/loss.c src/backend/ref/infonce.c src/backend/ref/optim.c
# cpu
libscpengine_a_SOURCES += src/backend/cpu/cpu_ops.h src/backend/cpu/cpu.c src/backend/cpu/par.h
libscpengine_a_SOURCES += src/backend/cpu/gemm.h src/backend/cpu/gemm.c src/backend/cpu/linalg.c src/backend/cpu/linear.c
libscpengine_a_SOURCES += src/backend/cpu/vmath.h
libscpengine_a_SOURCES += src/backend/cpu/elementwise.c src/backend/cpu/dropout.c src/backend/cpu/layout.c src/backend/cpu/norm.c src/backend/cpu/unit.c
libscpengine_a_SOURCES += src/backend/cpu/attn.c src/backend/cpu/film.c src/backend/cpu/diffuse.c
libscpengine_a_SOURCES += src/backend/cpu/loss.c src/backend/cpu/infonce.c src/backend/cpu/optim.c
