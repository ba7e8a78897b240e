# Sources of tests/cli.
check_PROGRAMS += tests/cli/prog
tests_cli_prog_SOURCES = tests/cli/prog.c
dist_check_SCRIPTS += tests/cli/app.sh tests/cli/run_usage.sh tests/cli/conf.sh
TESTS += tests/cli/app.sh tests/cli/run_usage.sh tests/cli/conf.sh
