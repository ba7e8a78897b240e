# Sources of tests/base.
