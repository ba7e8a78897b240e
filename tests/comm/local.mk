# Sources of tests/comm.
