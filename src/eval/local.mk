# Sources of src/eval. Not with the engine: scores come from data sets and files.
libscppdm_a_SOURCES += \
	src/eval/columns.c src/eval/corr.c src/eval/de_overlap.c src/eval/ev.c src/eval/evaluate.c \
	src/eval/evaluate.h src/eval/export.c src/eval/export.h src/eval/metrics.c src/eval/metrics.h \
	src/eval/discriminate.c src/eval/discriminate.h src/eval/pds.c src/eval/pds.h src/eval/pds_impl.h \
	src/eval/pds_line.c src/eval/plan.c src/eval/plan.h src/eval/pred_file.h \
	src/eval/pred_read.c src/eval/pred_write.c src/eval/reduce.c src/eval/reduce.h \
	src/eval/score_files.c src/eval/score_files.h src/eval/scores.c src/eval/stats.h \
	src/eval/strata.c src/eval/topk.c
libscppdm_a_SOURCES += src/eval/predict.h src/eval/predict.c
libscppdm_a_SOURCES += src/eval/ensemble.h src/eval/ensemble.c
libscppdm_a_SOURCES += src/eval/predict_baseline.h src/eval/predict_baseline.c
libscppdm_a_SOURCES += src/eval/dose.h src/eval/dose.c
libscppdm_a_SOURCES += src/eval/significance.h src/eval/significance.c src/eval/bootstrap.h src/eval/bootstrap.c \
	src/eval/compare.c src/eval/replicates.h src/eval/deg_tests.c src/eval/ceiling.c src/eval/reliability_files.c src/eval/score_read.h \
	src/eval/score_read.c src/eval/synth_truth.h src/eval/synth_truth.c
libscppdm_a_SOURCES += src/eval/gsea.h src/eval/gsea_impl.h src/eval/gsea.c src/eval/gsea_sets.c src/eval/gsea_compare.c src/eval/moa.h \
	src/eval/moa.c src/eval/umap.h src/eval/umap.c
libscppdm_a_SOURCES += src/eval/coverage.h src/eval/coverage.c
libscppdm_a_SOURCES += src/eval/drug_embed.c src/eval/drug_embed.h
libscppdm_a_SOURCES += src/eval/project.c src/eval/project.h
