# Sources of src/model.
libscppdm_a_SOURCES += src/model/means.c src/model/means.h src/model/means_impl.h \
	src/model/dose_level.c src/model/dose_level.h src/model/baselines/context_mean.c \
	src/model/baselines/global_mean.c src/model/baselines/perturb_mean.c \
	src/model/baselines/replicate.c
libscppdm_a_SOURCES += src/model/vae.h src/model/vae.c \
	src/model/vae_run.h src/model/vae_run.c src/model/denoiser.h src/model/denoiser.c src/model/condition.c
libscppdm_a_SOURCES += src/model/drug_label.h src/model/drug_label.c src/model/baseline.h \
	src/model/baseline_run.h src/model/ridge.h src/model/baselines/adapter.c \
	src/model/baselines/adapter_run.c src/model/baselines/ridge.c
