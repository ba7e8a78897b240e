# Sources of src/conf.
libscpengine_a_SOURCES += \
	src/conf/cli.c src/conf/cli.h src/conf/complete.c src/conf/conf_impl.h src/conf/diff.c src/conf/dump.c \
	src/conf/help.c src/conf/man.c src/conf/option.c src/conf/option.h src/conf/value.c src/conf/yaml.c
