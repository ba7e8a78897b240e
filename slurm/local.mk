# Sources of slurm.
