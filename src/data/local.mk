# Sources of src/data.
libscppdm_a_SOURCES += src/data/dataset.h src/data/dataset.c src/data/sampler.h src/data/sampler.c
