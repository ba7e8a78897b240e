# Sources of tests/ops.
check_LIBRARIES += libscpcases.a
libscpcases_a_SOURCES = tests/ops/cases.h tests/ops/harness.c tests/ops/cases.c
libscpcases_a_SOURCES += tests/ops/cases_linear.c
libscpcases_a_SOURCES += tests/ops/cases_elementwise.c tests/ops/cases_layout.c tests/ops/cases_norm.c
check_PROGRAMS += tests/ops/ops.t
TESTS += tests/ops/ops.t
tests_ops_ops_t_SOURCES = tests/ops/ops.c
tests_ops_ops_t_LDADD = libscpcases.a libscptest.a $(LDADD)
