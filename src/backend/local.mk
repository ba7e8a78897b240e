# Sources of src/backend.
libscpengine_a_SOURCES += src/backend/host.h src/backend/host.c src/backend/table.c
# ref
libscpengine_a_SOURCES += src/backend/ref/ref_ops.h src/backend/ref/ref.c
libscpengine_a_SOURCES += src/backend/ref/linear.c
# cpu
libscpengine_a_SOURCES += src/backend/cpu/cpu_ops.h src/backend/cpu/cpu.c src/backend/cpu/par.h
libscpengine_a_SOURCES += src/backend/cpu/linear.c
