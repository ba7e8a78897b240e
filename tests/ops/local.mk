# Sources of tests/ops.
