# Tests of src/report.
check_PROGRAMS += tests/report/table.t
TESTS += tests/report/table.t
tests_report_table_t_SOURCES = tests/report/table.c
tests_report_table_t_LDADD = libscptest.a $(LDADD)
