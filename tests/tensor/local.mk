# Sources of tests/tensor.
check_PROGRAMS += tests/tensor/params.t
TESTS += tests/tensor/params.t
tests_tensor_params_t_SOURCES = tests/tensor/params.c
tests_tensor_params_t_LDADD = libscptest.a $(LDADD)
