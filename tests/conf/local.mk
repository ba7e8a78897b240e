# Sources of tests/conf.
