# Sources of tests/train.
check_LIBRARIES += libscptoy.a
libscptoy_a_SOURCES = tests/train/screen.h tests/train/screen.c tests/model/toy.h tests/model/toy.c
