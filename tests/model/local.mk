# Sources of tests/model.
check_PROGRAMS += tests/model/means.mpi
TESTS += tests/model/means.mpi
tests_model_means_mpi_SOURCES = tests/model/means.c tests/eval/screen.c tests/eval/screen.h \
	tests/eval/golden_file.c tests/eval/golden_file.h
tests_model_means_mpi_LDADD = libscptest.a $(LDADD)
