# Sources of tests/tensor.
check_PROGRAMS += tests/tensor/params.t
TESTS += tests/tensor/params.t
tests_tensor_params_t_SOURCES = tests/tensor/params.c
tests_tensor_params_t_LDADD = libscptest.a $(LDADD)
check_PROGRAMS += tests/tensor/reads.t
TESTS += tests/tensor/reads.t
tests_tensor_reads_t_SOURCES = tests/tensor/reads.c
tests_tensor_reads_t_LDADD = libscpcases.a libscptest.a $(LDADD)
check_PROGRAMS += tests/tensor/memory.t tests/tensor/again.t
TESTS += tests/tensor/memory.t tests/tensor/again.t
tests_tensor_memory_t_SOURCES = tests/tensor/memory.c
tests_tensor_memory_t_LDADD = libscptoy.a libscpcases.a libscptest.a $(LDADD)
tests_tensor_again_t_SOURCES = tests/tensor/again.c
tests_tensor_again_t_LDADD = libscpcases.a libscptest.a $(LDADD)
