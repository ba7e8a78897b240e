# Sources of tests/data.
