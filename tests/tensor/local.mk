# Sources of tests/tensor.
