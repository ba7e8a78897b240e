/* Figures as files, drawn by gnuplot. Private to src/report; not collective. */
#ifndef SCP_REPORT_DRAW_H
#define SCP_REPORT_DRAW_H

#include "report/page.h"

/* A figure on its way: written, then drawn or not. */
typedef struct scp_drawing {
    char name[96];
    char why[256]; /* it was not drawn; "" when it was */
} scp_drawing;

/** Write NAME.tsv and NAME.gp. An old NAME.svg is removed. *out: free. */
scp_status scp_drawing_write(const scp_figure *f, const char *dir, scp_drawing **out) SCP_MUST_USE;

/** Run gnuplot on every script, `jobs` at a time. What fails is noted in the drawing and logged;
 *  gnuplot NULL: nothing is drawn. */
scp_status scp_drawings_draw(scp_drawing *const *d, size_t n, const char *dir, const char *gnuplot,
                             int jobs, size_t *drawn) SCP_MUST_USE;

/** Append "<figure>" and the picture as inline SVG, or why there is none. */
scp_status scp_drawing_embed(const scp_drawing *d, const char *dir, scp_strbuf *out) SCP_MUST_USE;

#endif
