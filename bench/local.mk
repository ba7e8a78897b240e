# Sources of bench.
