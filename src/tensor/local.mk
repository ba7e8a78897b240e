# Sources of src/tensor.
libscpengine_a_SOURCES += src/tensor/op.h src/tensor/op_table.c src/tensor/optim.h src/tensor/step.h src/tensor/linalg.h \
	src/tensor/params.h src/tensor/params.c src/tensor/graph.h src/tensor/graph.c \
	src/tensor/graph_add.h src/tensor/build.c src/tensor/plan.h src/tensor/plan.c \
	src/tensor/plan_impl.h src/tensor/plan_run.c src/tensor/plan_io.c src/tensor/plan_mixed.c src/tensor/plan_memory.c src/tensor/plan_group.c \
	src/tensor/half.h src/tensor/half.c
