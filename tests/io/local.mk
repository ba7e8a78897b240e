# Sources of tests/io.
