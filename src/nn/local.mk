# Sources of src/nn.
libscpengine_a_SOURCES += src/nn/nn.h src/nn/basic.c src/nn/gd_block.c
