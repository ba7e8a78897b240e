# Sources of tests/model.
