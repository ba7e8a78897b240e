# Tests of src/eval.
eval_tests = tests/eval/metrics.t tests/eval/reduce.t tests/eval/score_files.t \
	tests/eval/evaluate.mpi tests/eval/pred_file.mpi
check_PROGRAMS += $(eval_tests)
dist_check_SCRIPTS += tests/eval/anndata_opens.sh
TESTS += $(eval_tests) tests/eval/anndata_opens.sh
tests_eval_screen = tests/eval/golden_file.c tests/eval/golden_file.h tests/eval/screen.c \
	tests/eval/screen.h
tests_eval_metrics_t_SOURCES = tests/eval/metrics.c tests/eval/golden_file.c tests/eval/golden_file.h
tests_eval_metrics_t_LDADD = libscptest.a $(LDADD)
tests_eval_reduce_t_SOURCES = tests/eval/reduce.c
tests_eval_reduce_t_LDADD = libscptest.a $(LDADD)
tests_eval_score_files_t_SOURCES = tests/eval/score_files.c $(tests_eval_screen)
tests_eval_score_files_t_LDADD = libscptest.a $(LDADD)
tests_eval_evaluate_mpi_SOURCES = tests/eval/evaluate.c $(tests_eval_screen)
tests_eval_evaluate_mpi_LDADD = libscptest.a $(LDADD)
tests_eval_pred_file_mpi_SOURCES = tests/eval/pred_file.c $(tests_eval_screen)
tests_eval_pred_file_mpi_LDADD = libscptest.a $(LDADD)
EXTRA_DIST += tests/golden/make_metrics_golden.py tests/golden/metrics_pairs.tsv \
	tests/golden/metrics_screen.tsv tests/golden/make_cell_eval_golden.py tests/golden/cell_eval.tsv
check_PROGRAMS += tests/eval/dose.t
TESTS += tests/eval/dose.t
tests_eval_dose_t_SOURCES = tests/eval/dose.c $(tests_eval_screen)
tests_eval_dose_t_LDADD = libscptest.a $(LDADD)
check_PROGRAMS += tests/eval/pds_line.t
TESTS += tests/eval/pds_line.t
tests_eval_pds_line_t_SOURCES = tests/eval/pds_line.c
tests_eval_pds_line_t_LDADD = libscptest.a $(LDADD)
check_PROGRAMS += tests/eval/gsea.t tests/eval/moa.t
TESTS += tests/eval/gsea.t tests/eval/moa.t
tests_eval_gsea_t_SOURCES = tests/eval/gsea.c
tests_eval_gsea_t_LDADD = libscptest.a $(LDADD)
tests_eval_moa_t_SOURCES = tests/eval/moa.c
tests_eval_moa_t_LDADD = libscptest.a $(LDADD) $(IGRAPH_LIBS)
EXTRA_DIST += tests/golden/make_gsea_golden.py tests/golden/gsea_rank.tsv tests/golden/gsea_sets.gmt \
	tests/golden/gsea.tsv tests/golden/moa.tsv tests/golden/moa_want.tsv
check_PROGRAMS += tests/eval/coverage.t
TESTS += tests/eval/coverage.t
tests_eval_coverage_t_SOURCES = tests/eval/coverage.c $(tests_eval_screen)
tests_eval_coverage_t_LDADD = libscptest.a $(LDADD)
check_PROGRAMS += tests/eval/make_pred
tests_eval_make_pred_SOURCES = tests/eval/make_pred.c
tests_eval_make_pred_LDADD = libscptest.a $(LDADD)
dist_check_SCRIPTS += tests/eval/programs.sh
TESTS += tests/eval/programs.sh
check_PROGRAMS += tests/eval/significance.t
TESTS += tests/eval/significance.t
tests_eval_significance_t_SOURCES = tests/eval/significance.c tests/eval/golden_file.c tests/eval/golden_file.h
tests_eval_significance_t_LDADD = libscptest.a $(LDADD)
EXTRA_DIST += tests/golden/make_significance_golden.py tests/golden/significance.tsv
check_PROGRAMS += tests/eval/reliability.t
TESTS += tests/eval/reliability.t
tests_eval_reliability_t_SOURCES = tests/eval/reliability.c $(tests_eval_screen)
tests_eval_reliability_t_LDADD = libscptest.a $(LDADD)
check_PROGRAMS += tests/eval/score_read.t
TESTS += tests/eval/score_read.t
tests_eval_score_read_t_SOURCES = tests/eval/score_read.c $(tests_eval_screen)
tests_eval_score_read_t_LDADD = libscptest.a $(LDADD)
check_PROGRAMS += tests/eval/kriging.t
TESTS += tests/eval/kriging.t
tests_eval_kriging_t_SOURCES = tests/eval/kriging.c $(tests_eval_screen)
tests_eval_kriging_t_LDADD = libscptest.a $(LDADD)
EXTRA_DIST += tests/golden/make_kriging_golden.py tests/golden/kriging.tsv

check_PROGRAMS += tests/eval/project.t
TESTS += tests/eval/project.t
tests_eval_project_t_SOURCES = tests/eval/project.c
tests_eval_project_t_LDADD = libscptest.a $(LDADD)
