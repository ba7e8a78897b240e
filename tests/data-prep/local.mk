# Tests of data-prep: fetch-tahoe against a server that fails on demand.
check_PROGRAMS += tests/data-prep/http_server
tests_data_prep_http_server_SOURCES = tests/data-prep/http_server.c
tests_data_prep_http_server_LDADD = -lpthread
dist_check_SCRIPTS += tests/data-prep/fetch.sh
TESTS += tests/data-prep/fetch.sh
LONG_TESTS += tests/data-prep/fetch.sh
TESTS += tests/data-prep/convert.sh
dist_check_SCRIPTS += tests/data-prep/convert.sh
EXTRA_DIST += tests/data-prep/convert.py
