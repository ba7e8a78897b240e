# Sources of tests/bench.
dist_check_SCRIPTS += tests/bench/lib.t
TESTS += tests/bench/lib.t
