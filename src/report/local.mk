# Sources of src/report.
libscppdm_a_SOURCES += src/report/score_table.c src/report/score_table.h src/report/table.c \
	src/report/table.h src/report/ablation.c src/report/ablation.h
libscppdm_a_SOURCES += src/report/report.c src/report/report.h src/report/sections.c src/report/sections.h \
	src/report/page.c src/report/page.h src/report/draw.c src/report/draw.h src/report/html.c src/report/html.h \
	src/report/summary.c src/report/summary.h src/report/table_html.c src/report/table_html.h
