# Tests of src/data.
check_PROGRAMS += tests/data/sampler.t tests/data/dose.t tests/data/normalize.t tests/data/genes.t \
	tests/data/split.t tests/data/keys.t tests/data/shard.mpi tests/data/prep.mpi \
	tests/data/real.mpi tests/data/plates
TESTS += tests/data/sampler.t tests/data/dose.t tests/data/normalize.t tests/data/genes.t \
	tests/data/split.t tests/data/keys.t tests/data/shard.mpi tests/data/prep.mpi \
	tests/data/real.mpi tests/data/prep_cli.sh tests/data/prep_restart.sh tests/data/prep_memory.sh
tests_data_sampler_t_SOURCES = tests/data/sampler.c
tests_data_sampler_t_LDADD = libscptest.a $(LDADD)
tests_data_dose_t_SOURCES = tests/data/dose.c
tests_data_dose_t_LDADD = libscptest.a $(LDADD)
tests_data_normalize_t_SOURCES = tests/data/normalize.c
tests_data_normalize_t_LDADD = libscptest.a $(LDADD)
tests_data_genes_t_SOURCES = tests/data/genes.c
tests_data_genes_t_LDADD = libscptest.a $(LDADD)
tests_data_split_t_SOURCES = tests/data/split.c
tests_data_split_t_LDADD = libscptest.a $(LDADD)
tests_data_shard_mpi_SOURCES = tests/data/shard.c
tests_data_shard_mpi_LDADD = libscptest.a $(LDADD)
tests_data_keys_t_SOURCES = tests/data/keys.c tests/data/screen.h tests/data/screen.c
tests_data_keys_t_LDADD = libscptest.a $(LDADD)
tests_data_prep_mpi_SOURCES = tests/data/prep.c tests/data/screen.h tests/data/screen.c
tests_data_prep_mpi_LDADD = libscptest.a $(LDADD)
tests_data_real_mpi_SOURCES = tests/data/real.c
tests_data_real_mpi_LDADD = libscptest.a $(LDADD)
check_PROGRAMS += tests/data/mutate.t
TESTS += tests/data/mutate.t
LONG_TESTS += tests/data/mutate.t
dist_check_SCRIPTS += tests/data/bad_inputs.sh
TESTS += tests/data/bad_inputs.sh
LONG_TESTS += tests/data/bad_inputs.sh
tests_data_mutate_t_SOURCES = tests/data/mutate.c tests/data/mutate_damage.h tests/data/mutate_damage.c \
	tests/data/mutate_files.h tests/data/mutate_files.c
tests_data_mutate_t_LDADD = libscptest.a $(LDADD)
tests_data_plates_SOURCES = tests/data/plates.c tests/data/screen.h tests/data/screen.c
dist_check_SCRIPTS += tests/data/prep_cli.sh tests/data/prep_restart.sh tests/data/prep_memory.sh
EXTRA_DIST += tests/data/golden/real.tsv tests/data/golden/make_real.py
check_PROGRAMS += tests/data/synth_design.t tests/data/synth_cells.t tests/data/synth_files.t \
	tests/data/synth_drugs.t tests/data/synth_ranks.mpi
TESTS += tests/data/synth_design.t tests/data/synth_cells.t tests/data/synth_files.t \
	tests/data/synth_drugs.t tests/data/synth_ranks.mpi tests/data/synth_cli.sh
dist_check_SCRIPTS += tests/data/synth_cli.sh
tests_data_synth_design_t_SOURCES = tests/data/synth_design.c
tests_data_synth_design_t_LDADD = libscptest.a $(LDADD)
tests_data_synth_cells_t_SOURCES = tests/data/synth_cells.c
tests_data_synth_cells_t_LDADD = libscptest.a $(LDADD)
tests_data_synth_files_t_SOURCES = tests/data/synth_files.c
tests_data_synth_files_t_LDADD = libscptest.a $(LDADD)
tests_data_synth_drugs_t_SOURCES = tests/data/synth_drugs.c
tests_data_synth_drugs_t_LDADD = libscptest.a $(LDADD)
tests_data_synth_ranks_mpi_SOURCES = tests/data/synth_ranks.c
tests_data_synth_ranks_mpi_LDADD = libscptest.a $(LDADD)
synth_tests = tests/data/synth_atlas.t tests/data/synth_sets.t tests/data/synth_gp.t \
	tests/data/synth_checks.t \
	tests/data/synth_keys.mpi
check_PROGRAMS += $(synth_tests)
TESTS += $(synth_tests)
tests_data_synth_atlas_t_SOURCES = tests/data/synth_atlas.c
tests_data_synth_atlas_t_LDADD = libscptest.a $(LDADD)
tests_data_synth_sets_t_SOURCES = tests/data/synth_sets.c
tests_data_synth_sets_t_LDADD = libscptest.a $(LDADD)
tests_data_synth_gp_t_SOURCES = tests/data/synth_gp.c
tests_data_synth_gp_t_LDADD = libscptest.a $(LDADD)
tests_data_synth_checks_t_SOURCES = tests/data/synth_checks.c
tests_data_synth_checks_t_LDADD = libscptest.a $(LDADD)
tests_data_synth_keys_mpi_SOURCES = tests/data/synth_keys.c
tests_data_synth_keys_mpi_LDADD = libscptest.a $(LDADD)
EXTRA_DIST += tests/data/golden/plate_layout.txt
# Layouts of users' files, and the labels in them.
check_PROGRAMS += tests/data/layouts.mpi
TESTS += tests/data/layouts.mpi
tests_data_layouts_mpi_SOURCES = tests/data/layouts.c tests/data/prep_file.h tests/data/prep_file.c
tests_data_layouts_mpi_LDADD = libscptest.a $(LDADD)
EXTRA_DIST += tests/data/layouts tests/data/golden/make_layouts.py
check_PROGRAMS += tests/data/inspect.t
TESTS += tests/data/inspect.t
tests_data_inspect_t_SOURCES = tests/data/inspect.c
tests_data_inspect_t_LDADD = libscptest.a $(LDADD)
check_PROGRAMS += tests/data/grid.t
TESTS += tests/data/grid.t
LONG_TESTS += tests/data/grid.t
tests_data_grid_t_SOURCES = tests/data/grid.c tests/data/grid_keys.h tests/data/grid_keys.c
tests_data_grid_t_LDADD = libscptest.a $(LDADD)
EXTRA_DIST += tests/data/golden/grid.tsv tests/data/golden/make_grid.py
# The check of a shard.
check_PROGRAMS += tests/data/verify.mpi tests/data/verify_flips.t
TESTS += tests/data/verify.mpi tests/data/verify_flips.t
LONG_TESTS += tests/data/verify_flips.t
tests_data_verify_mpi_SOURCES = tests/data/verify.c tests/data/screen.h tests/data/screen.c
tests_data_verify_mpi_LDADD = libscptest.a $(LDADD)
tests_data_verify_flips_t_SOURCES = tests/data/verify_flips.c tests/data/screen.h tests/data/screen.c
tests_data_verify_flips_t_LDADD = libscptest.a $(LDADD)
check_PROGRAMS += tests/data/traps.t
TESTS += tests/data/traps.t
tests_data_traps_t_SOURCES = tests/data/traps.c tests/data/grid_keys.h tests/data/grid_keys.c tests/data/screen.h \
	tests/data/screen.c
tests_data_traps_t_LDADD = libscptest.a $(LDADD)
check_PROGRAMS += tests/data/real_keys.t
TESTS += tests/data/real_keys.t
tests_data_real_keys_t_SOURCES = tests/data/real_keys.c tests/data/prep_file.h tests/data/prep_file.c
tests_data_real_keys_t_LDADD = libscptest.a $(LDADD)
EXTRA_DIST += tests/data/golden/real_keys.tsv tests/data/golden/make_real_keys.py
check_PROGRAMS += tests/data/prep_faults.mpi
TESTS += tests/data/prep_faults.mpi
tests_data_prep_faults_mpi_SOURCES = tests/data/prep_faults.c tests/data/screen.h tests/data/screen.c
tests_data_prep_faults_mpi_LDADD = libscptest.a $(LDADD)
LONG_TESTS += tests/data/prep_restart.sh
dist_check_SCRIPTS += tests/data/prep_disk.sh
TESTS += tests/data/prep_disk.sh
check_PROGRAMS += tests/data/sums.t
TESTS += tests/data/sums.t
tests_data_sums_t_SOURCES = tests/data/sums.c
tests_data_sums_t_LDADD = libscptest.a $(LDADD)
check_PROGRAMS += tests/data/pending.t
TESTS += tests/data/pending.t
tests_data_pending_t_SOURCES = tests/data/pending.c
tests_data_pending_t_LDADD = libscptest.a $(LDADD)
