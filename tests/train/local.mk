# Sources of tests/train.
