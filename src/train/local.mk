# Sources of src/train.
libscppdm_a_SOURCES += src/train/config.h src/train/config.c src/train/loop.h src/train/loop.c \
	src/train/state.h src/train/state.c src/train/match.h src/train/match.c \
	src/train/record.h src/train/record.c src/train/beat.h src/train/beat.c src/train/beat_process.h src/train/beat_read.c \
	src/train/tb_events.h src/train/tb_events.c \
	src/train/tables.h src/train/tables.c src/train/held.h src/train/held.c src/train/setup.h src/train/vae_job.h src/train/vae_job.c \
	src/train/model_job.h src/train/model_job.c
libscppdm_a_SOURCES += src/train/baseline_job.h src/train/baseline_job.c
libscppdm_a_SOURCES += src/train/choose.h src/train/choose.c
libscppdm_a_SOURCES += src/train/stepper.h src/train/stepper.c
