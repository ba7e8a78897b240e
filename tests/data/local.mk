# Tests of src/data.
check_PROGRAMS += tests/data/sampler.t tests/data/dose.t tests/data/normalize.t tests/data/genes.t \
	tests/data/split.t tests/data/shard.mpi
TESTS += tests/data/sampler.t tests/data/dose.t tests/data/normalize.t tests/data/genes.t \
	tests/data/split.t tests/data/shard.mpi
tests_data_sampler_t_SOURCES = tests/data/sampler.c
tests_data_sampler_t_LDADD = libscptest.a $(LDADD)
tests_data_dose_t_SOURCES = tests/data/dose.c
tests_data_dose_t_LDADD = libscptest.a $(LDADD)
tests_data_normalize_t_SOURCES = tests/data/normalize.c
tests_data_normalize_t_LDADD = libscptest.a $(LDADD)
tests_data_genes_t_SOURCES = tests/data/genes.c
tests_data_genes_t_LDADD = libscptest.a $(LDADD)
tests_data_split_t_SOURCES = tests/data/split.c
tests_data_split_t_LDADD = libscptest.a $(LDADD)
tests_data_shard_mpi_SOURCES = tests/data/shard.c
tests_data_shard_mpi_LDADD = libscptest.a $(LDADD)
