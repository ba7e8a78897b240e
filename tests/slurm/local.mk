# The job scripts, submitted to a Slurm that the test starts.
dist_check_SCRIPTS += tests/slurm/one_node.sh
TESTS += tests/slurm/one_node.sh
EXTRA_DIST += tests/slurm/cluster.sh tests/slurm/tiny.yaml
