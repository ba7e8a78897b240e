# Sources of tests/base.
base_tests = tests/base/files.t tests/base/rng.t tests/base/team.t tests/base/text.t
check_PROGRAMS += $(base_tests)
TESTS += $(base_tests)
tests_base_files_t_SOURCES = tests/base/files.c
tests_base_files_t_LDADD = libscptest.a $(LDADD)
tests_base_rng_t_SOURCES = tests/base/rng.c
tests_base_rng_t_LDADD = libscptest.a $(LDADD)
tests_base_team_t_SOURCES = tests/base/team.c
tests_base_team_t_LDADD = libscptest.a $(LDADD)
tests_base_text_t_SOURCES = tests/base/text.c
tests_base_text_t_LDADD = libscptest.a $(LDADD)
check_PROGRAMS += tests/base/memlimit.t
TESTS += tests/base/memlimit.t
tests_base_memlimit_t_SOURCES = tests/base/memlimit.c
tests_base_memlimit_t_LDADD = libscptest.a $(LDADD)
