# Sources of tests/data.
check_PROGRAMS += tests/data/sampler.t
TESTS += tests/data/sampler.t
tests_data_sampler_t_SOURCES = tests/data/sampler.c
tests_data_sampler_t_LDADD = libscptest.a $(LDADD)
