# Tests of src/report.
check_PROGRAMS += tests/report/table.t tests/report/ablation.t
TESTS += tests/report/table.t tests/report/ablation.t
tests_report_ablation_t_SOURCES = tests/report/ablation.c
tests_report_ablation_t_LDADD = libscptest.a $(LDADD)
tests_report_table_t_SOURCES = tests/report/table.c
tests_report_table_t_LDADD = libscptest.a $(LDADD)
