# Sources of src/io.
libscppdm_a_SOURCES += src/io/h5.h src/io/h5.c src/io/h5_attr.c src/io/h5_text.h src/io/h5_text.c \
	src/io/h5_data.c src/io/h5_slab.h src/io/h5_slab.c src/io/h5_all.c
