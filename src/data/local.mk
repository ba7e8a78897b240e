# Sources of src/data.
libscppdm_a_SOURCES += src/data/sampler.h src/data/sampler.c src/data/dose.h \
	src/data/dose.c src/data/layout.h src/data/layout.c src/data/keys.h src/data/keys.c \
	src/data/keys_columns.h src/data/keys_columns.c \
	src/data/structures.h src/data/structures.c src/data/pair.h src/data/pair.c \
	src/data/split.h src/data/split.c src/data/leak.h src/data/leak.c src/data/normalize.h \
	src/data/normalize.c src/data/genes.h src/data/genes.c src/data/pseudobulk.h \
	src/data/pseudobulk.c src/data/bulk_read.h src/data/bulk_read.c src/data/bulk_sums.h src/data/bulk_sums.c \
	src/data/bulk_pending.h src/data/bulk_pending.c src/data/bulk_split.h src/data/bulk_split.c \
	src/data/bulk_plan.c src/data/bulk_parts.h src/data/bulk_parts.c \
	src/data/bulk_impl.h src/data/bulk_finish.c src/data/bulk_merge.c src/data/prep_files.h src/data/prep_files.c \
	src/data/prep_empty.c src/data/prep_sample.c src/data/prep_memory.h src/data/prep_memory.c src/data/prep_print.c \
	src/data/prep.h src/data/prep.c src/data/prep_plan.h src/data/prep_plan.c src/data/prep_deal.c \
	src/data/prep_manifest.c src/data/verify.h src/data/verify.c src/data/verify_manifest.h \
	src/data/verify_manifest.c src/data/verify_inputs.c src/data/prep_inputs.h src/data/prep_inputs.c
libscppdm_a_SOURCES += src/data/synth.h src/data/synth.c src/data/synth_config.c src/data/synth_rng.h \
	src/data/synth_rng.c src/data/synth_design.h src/data/synth_design.c src/data/synth_genes.c \
	src/data/synth_lines.c src/data/synth_axes.c src/data/synth_drugs.c src/data/synth_traps.c \
	src/data/synth_layout.c \
	src/data/synth_moments.h src/data/synth_moments.c src/data/synth_keys.h src/data/synth_keys.c \
	src/data/synth_gp.h src/data/synth_gp.c src/data/synth_universe.h src/data/synth_universe.c \
	src/data/synth_atlas.h src/data/synth_atlas.c src/data/synth_grid.c src/data/synth_plates.c \
	src/data/synth_cells.h src/data/synth_tables.h src/data/synth_cells.c src/data/synth_draw.c \
	src/data/synth_segment.h src/data/synth_segment.c src/data/synth_write.h src/data/synth_plate.h \
	src/data/synth_obs.c src/data/synth_plate_file.c \
	src/data/synth_side.c src/data/synth_truth.c src/data/synth_compare.c
libscppdm_a_SOURCES += src/data/inspect.h src/data/inspect.c src/data/inspect_print.c
