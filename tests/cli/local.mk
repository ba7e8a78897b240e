# Sources of tests/cli.
check_PROGRAMS += tests/cli/prog
tests_cli_prog_SOURCES = tests/cli/prog.c
