# Sources of tests/conf.
check_PROGRAMS += tests/conf/conf.t
TESTS += tests/conf/conf.t
tests_conf_conf_t_SOURCES = tests/conf/conf.c
tests_conf_conf_t_LDADD = libscptest.a $(LDADD)
