# Sources of tests/ops.
check_LIBRARIES += libscpcases.a
libscpcases_a_SOURCES = tests/ops/cases.h tests/ops/harness.c tests/ops/cases.c
libscpcases_a_SOURCES += tests/ops/cases_linear.c
libscpcases_a_SOURCES += tests/ops/cases_elementwise.c tests/ops/cases_layout.c tests/ops/cases_norm.c
libscpcases_a_SOURCES += tests/ops/cases_attn.c tests/ops/cases_film.c tests/ops/cases_diffuse.c
libscpcases_a_SOURCES += tests/ops/cases_loss.c
check_PROGRAMS += tests/ops/ops.t
TESTS += tests/ops/ops.t
tests_ops_ops_t_SOURCES = tests/ops/ops.c
tests_ops_ops_t_LDADD = libscpcases.a libscptest.a $(LDADD)
check_PROGRAMS += tests/ops/contrastive.t
TESTS += tests/ops/contrastive.t
tests_ops_contrastive_t_SOURCES = tests/ops/contrastive.c
tests_ops_contrastive_t_LDADD = libscptest.a $(LDADD)
