# Sources of tests/eval.
