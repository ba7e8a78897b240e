# Sources of src/tensor.
libscpengine_a_SOURCES += src/tensor/op.h src/tensor/optim.h src/tensor/params.h src/tensor/graph.h src/tensor/plan.h
