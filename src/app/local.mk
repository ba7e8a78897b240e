# Sources of src/app.
libscppdm_a_SOURCES += src/app/app.c src/app/app.h
libscppdm_a_SOURCES += src/app/run.h src/app/run_common.h src/app/run_common.c src/app/run_train.c src/app/run_models.h src/app/run_models.c src/app/run_eval.c src/app/run_predict.c src/app/run_compare.c src/app/run_sweep.c src/app/eval_set.h src/app/eval_set.c src/app/run_ablate.c src/app/run_info.c
libscppdm_a_SOURCES += src/app/opt_prep.h src/app/opt_prep.c src/app/run_prep.c
libscppdm_a_SOURCES += src/app/opt_synth.h src/app/opt_synth.c
libscppdm_a_SOURCES += src/app/opt_report.h src/app/opt_report.c

# scppdm_info --run
libscppdm_a_SOURCES += src/app/run_status.h src/app/run_status.c
