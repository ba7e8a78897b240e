# Sources of tests/slurm.
