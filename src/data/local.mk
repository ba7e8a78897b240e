# Sources of src/data.
libscppdm_a_SOURCES += src/data/dataset.h src/data/sampler.h src/data/sampler.c \
	src/data/dose.h src/data/dose.c src/data/layout.h src/data/layout.c src/data/keys.h \
	src/data/keys.c
