# Sources of src/report.
libscppdm_a_SOURCES += src/report/score_table.c src/report/score_table.h src/report/table.c \
	src/report/table.h src/report/ablation.c src/report/ablation.h
