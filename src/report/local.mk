# Sources of src/report.
libscppdm_a_SOURCES += src/report/score_table.c src/report/score_table.h src/report/table.c \
	src/report/table.h src/report/ablation.c src/report/ablation.h
libscppdm_a_SOURCES += src/report/report.c src/report/report.h src/report/sections.c src/report/sections.h \
	src/report/page.c src/report/page.h src/report/draw.c src/report/draw.h src/report/html.c src/report/html.h \
	src/report/comparisons.c src/report/comparisons.h src/report/summary.c src/report/summary.h src/report/table_html.c src/report/table_html.h
libscppdm_a_SOURCES += src/report/figures.h src/report/figure.c src/report/profiles.h src/report/profiles.c \
	src/report/enrichment.h src/report/enrichment.c src/report/fig_ablations.c src/report/fig_dose.c \
	src/report/fig_enrichment.c src/report/fig_lines.c src/report/fig_moa.c src/report/fig_training.c \
	src/report/fig_violins.c
