# Sources of tests/data.
check_PROGRAMS += tests/data/sampler.t tests/data/dose.t tests/data/shard.mpi
TESTS += tests/data/sampler.t tests/data/dose.t tests/data/shard.mpi
tests_data_sampler_t_SOURCES = tests/data/sampler.c
tests_data_sampler_t_LDADD = libscptest.a $(LDADD)
tests_data_dose_t_SOURCES = tests/data/dose.c
tests_data_dose_t_LDADD = libscptest.a $(LDADD)
tests_data_shard_mpi_SOURCES = tests/data/shard.c
tests_data_shard_mpi_LDADD = libscptest.a $(LDADD)
