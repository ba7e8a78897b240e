# Sources of tests/cli.
