# Sources of tests/eval.
check_PROGRAMS += tests/eval/metrics.t tests/eval/reduce.t
TESTS += tests/eval/metrics.t tests/eval/reduce.t
tests_eval_metrics_t_SOURCES = tests/eval/metrics.c tests/eval/golden_file.c tests/eval/golden_file.h
tests_eval_metrics_t_LDADD = libscptest.a $(LDADD)
tests_eval_reduce_t_SOURCES = tests/eval/reduce.c
tests_eval_reduce_t_LDADD = libscptest.a $(LDADD)
EXTRA_DIST += tests/eval/golden/make_metrics_golden.py tests/eval/golden/pairs.tsv \
	tests/eval/golden/screen.tsv
