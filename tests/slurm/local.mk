# The job scripts, submitted to a Slurm that the test starts; installing; recipes.
dist_check_SCRIPTS += tests/slurm/one_node.sh tests/slurm/settings.sh tests/slurm/install.sh tests/slurm/recipes.sh \
	tests/slurm/limits.sh
TESTS += tests/slurm/one_node.sh tests/slurm/settings.sh tests/slurm/install.sh tests/slurm/recipes.sh
LONG_TESTS += tests/slurm/limits.sh
EXTRA_DIST += tests/slurm/cluster.sh tests/slurm/tiny.yaml
