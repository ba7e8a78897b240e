# Tests of src/report.
check_PROGRAMS += tests/report/table.t tests/report/ablation.t
TESTS += tests/report/table.t tests/report/ablation.t
tests_report_ablation_t_SOURCES = tests/report/ablation.c
tests_report_ablation_t_LDADD = libscptest.a $(LDADD)
tests_report_table_t_SOURCES = tests/report/table.c
tests_report_table_t_LDADD = libscptest.a $(LDADD)
check_PROGRAMS += tests/report/report.mpi tests/report/page.t
TESTS += tests/report/report.mpi tests/report/page.t
tests_report_report_mpi_SOURCES = tests/report/report.c tests/report/fake_run.c tests/report/fake_run.h
tests_report_report_mpi_LDADD = libscptest.a $(LDADD) $(IGRAPH_LIBS)
tests_report_page_t_SOURCES = tests/report/page.c
tests_report_page_t_LDADD = libscptest.a $(LDADD)

check_PROGRAMS += tests/report/memory.t
TESTS += tests/report/memory.t
tests_report_memory_t_SOURCES = tests/report/memory.c
tests_report_memory_t_LDADD = libscptest.a $(LDADD)
