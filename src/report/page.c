/* The page under construction, see page.h. */
#include "report/page.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/fs.h"
#include "base/mem.h"
#include "report/draw.h"
#include "report/html.h"

/* The page is a list of pieces; a figure's place is known by its name. */
typedef struct piece {
    scp_strbuf html;
    scp_drawing *drawing; /* or NULL; its picture goes before the html */
} piece;

struct scp_page {
    char dir[SCP_PATH_MAX];
    char *title;
    piece *piece;
    size_t n, cap, headings;
    scp_strbuf contents, missing;
};

scp_status scp_figure_init(scp_figure *f, const char *prefix, const char *stem, int width,
                           int height)
{
    *f = (scp_figure){ .width = width, .height = height };
    SCP_TRY(scp_str_format(f->name, sizeof f->name, "%s%.60s", prefix, stem));
    for (char *c = f->name; *c; c++) {
        bool plain =
            (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') || (*c >= '0' && *c <= '9');
        if (!plain) *c = '_';
    }
    return SCP_OK;
}

void scp_figure_fini(scp_figure *f)
{
    scp_strbuf_fini(&f->caption);
    scp_strbuf_fini(&f->data);
    scp_strbuf_fini(&f->script);
}

scp_status scp_tsv_field(scp_strbuf *out, const char *text)
{
    for (; *text; text++) {
        bool control = (unsigned char)*text < 32 || *text == 127;
        SCP_TRY(scp_strbuf_addn(out, control ? " " : text, 1));
    }
    return SCP_OK;
}

scp_status scp_gnuplot_text(scp_strbuf *out, const char *text)
{
    SCP_TRY(scp_strbuf_addn(out, "'", 1));
    for (; *text; text++) {
        bool control = (unsigned char)*text < 32 || *text == 127;
        SCP_TRY(scp_strbuf_addn(out,
                                *text == '\'' ? "''"
                                : control     ? " "
                                              : text,
                                *text == '\'' ? 2 : 1));
    }
    return scp_strbuf_addn(out, "'", 1);
}

scp_status scp_gnuplot_tic(scp_strbuf *out, const char *text)
{
    scp_strbuf twice = { 0 };
    scp_status st = SCP_OK;
    SCP_GOTO(done, scp_strbuf_addn(&twice, "", 0));
    for (; *text; text++) {
        SCP_GOTO(done, scp_strbuf_addn(&twice, text, 1));
        if (*text == '%') SCP_GOTO(done, scp_strbuf_addn(&twice, text, 1));
    }
    st = scp_gnuplot_text(out, twice.text);
done:
    scp_strbuf_fini(&twice);
    return st;
}

scp_status scp_page_create(const char *dir, const char *title, scp_page **out)
{
    scp_page *p = NULL;
    SCP_TRY(scp_fs_mkdirs(dir));
    SCP_TRY(scp_fs_check_writable(dir));
    SCP_TRY(scp_alloc(1, sizeof *p, &p));
    scp_status st = scp_str_format(p->dir, sizeof p->dir, "%s", dir);
    if (st == SCP_OK) st = scp_strdup(title, &p->title);
    if (st != SCP_OK) scp_page_destroy(&p);
    *out = p;
    return st;
}

void scp_page_destroy(scp_page **pp)
{
    if (!pp || !*pp) return;
    scp_page *p = *pp;
    for (size_t i = 0; i < p->n; i++) {
        scp_strbuf_fini(&p->piece[i].html);
        free(p->piece[i].drawing);
    }
    free(p->piece);
    free(p->title);
    scp_strbuf_fini(&p->contents);
    scp_strbuf_fini(&p->missing);
    free(p);
    *pp = NULL;
}

const char *scp_page_dir(const scp_page *p)
{
    return p->dir;
}

/* A new piece at the end. */
static scp_status add_piece(scp_page *p, scp_strbuf **html)
{
    SCP_TRY(scp_grow(&p->piece, &p->cap, p->n + 1, sizeof *p->piece));
    *html = &p->piece[p->n++].html;
    return SCP_OK;
}

scp_status scp_page_heading(scp_page *p, int level, const char *text)
{
    scp_strbuf *b = NULL;
    SCP_TRY(add_piece(p, &b));
    SCP_TRY(scp_strbuf_addf(b, "<h%d id=\"s%zu\">", level, ++p->headings));
    SCP_TRY(scp_html_text(b, text));
    SCP_TRY(scp_strbuf_addf(b, "</h%d>\n", level));
    if (level != 2) return SCP_OK;
    SCP_TRY(scp_strbuf_addf(&p->contents, "<li><a href=\"#s%zu\">", p->headings));
    SCP_TRY(scp_html_text(&p->contents, text));
    return scp_strbuf_addf(&p->contents, "</a></li>\n");
}

scp_status scp_page_paragraph(scp_page *p, const char *fmt, ...)
{
    char text[2048];
    scp_strbuf *b = NULL;
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    SCP_TRY(add_piece(p, &b));
    return scp_html_element(b, "p", text);
}

scp_status scp_page_markup(scp_page *p, const char *html)
{
    scp_strbuf *b = NULL;
    SCP_TRY(add_piece(p, &b));
    return scp_strbuf_addf(b, "%s", html);
}

scp_status scp_page_missing(scp_page *p, const char *what, const char *fmt, ...)
{
    char text[2048];
    scp_strbuf *b = NULL;
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    SCP_TRY(add_piece(p, &b));
    SCP_TRY(scp_strbuf_addf(b, "<p class=\"out\"><b>"));
    SCP_TRY(scp_html_text(b, what));
    SCP_TRY(scp_strbuf_addf(b, "</b> left out: "));
    SCP_TRY(scp_html_text(b, text));
    SCP_TRY(scp_strbuf_addf(b, "</p>\n"));
    SCP_TRY(scp_strbuf_addf(&p->missing, "<li>"));
    SCP_TRY(scp_html_text(&p->missing, what));
    SCP_TRY(scp_strbuf_addf(&p->missing, ": "));
    SCP_TRY(scp_html_text(&p->missing, text));
    return scp_strbuf_addf(&p->missing, "</li>\n");
}

scp_status scp_page_table(scp_page *p, const scp_table *t, bool transpose, const char *file)
{
    char path[SCP_PATH_MAX];
    scp_strbuf *b = NULL, text = { 0 };
    scp_status st = SCP_OK;
    SCP_TRY(scp_str_format(path, sizeof path, "%s/%s.tsv", p->dir, file));
    SCP_GOTO(done, scp_table_print(t, SCP_TABLE_TSV, transpose, &text));
    SCP_GOTO(done, scp_fs_write_text(path, text.text, text.len));
    SCP_GOTO(done, add_piece(p, &b));
    SCP_GOTO(done, scp_table_print(t, SCP_TABLE_HTML, transpose, b));
    SCP_GOTO(done, scp_strbuf_addf(b, "<p class=\"note\">Full precision: <code>%s.tsv</code></p>\n",
                                   file));
done:
    scp_strbuf_fini(&text);
    return st;
}

scp_status scp_page_figure(scp_page *p, const scp_figure *f)
{
    scp_strbuf *b = NULL;
    SCP_TRY(add_piece(p, &b));
    SCP_TRY(scp_drawing_write(f, p->dir, &p->piece[p->n - 1].drawing));
    SCP_TRY(scp_strbuf_addf(b, "<figcaption>"));
    SCP_TRY(scp_html_text(b, f->caption.text ? f->caption.text : ""));
    return scp_strbuf_addf(b,
                           " <span class=\"note\">(<code>%s.svg</code>, <code>.gp</code>%s)</span>"
                           "</figcaption></figure>\n",
                           f->name, f->data.len ? ", <code>.tsv</code>" : "");
}

static scp_status draw_all(scp_page *p, const char *gnuplot, int jobs, size_t *drawn)
{
    scp_drawing **d = NULL;
    size_t n = 0;
    SCP_TRY(scp_alloc(p->n, sizeof *d, &d));
    for (size_t i = 0; i < p->n; i++)
        if (p->piece[i].drawing) d[n++] = p->piece[i].drawing;
    scp_status st = scp_drawings_draw(d, n, p->dir, gnuplot, jobs, drawn);
    free(d);
    return st;
}

static scp_status put_together(const scp_page *p, scp_strbuf *out)
{
    SCP_TRY(scp_html_begin(out, p->title));
    SCP_TRY(scp_html_element(out, "h1", p->title));
    for (size_t i = 0; i < p->n; i++) {
        const piece *at = &p->piece[i];
        if (at->drawing) SCP_TRY(scp_drawing_embed(at->drawing, p->dir, out));
        if (at->html.text) SCP_TRY(scp_strbuf_addn(out, at->html.text, at->html.len));
        if (i || !p->contents.len) continue; /* the contents stand below the first piece */
        SCP_TRY(
            scp_strbuf_addf(out, "<nav><h2>Contents</h2><ul>\n%s</ul></nav>\n", p->contents.text));
    }
    if (p->missing.len)
        SCP_TRY(scp_strbuf_addf(out, "<h2>Left out</h2>\n<ul>\n%s</ul>\n", p->missing.text));
    return scp_html_end(out);
}

scp_status scp_page_finish(scp_page **pp, const char *gnuplot, int jobs, size_t *drawn)
{
    scp_page *p = *pp;
    char path[SCP_PATH_MAX];
    scp_strbuf page = { 0 };
    scp_status st = SCP_OK;
    *drawn = 0;
    SCP_GOTO(done, scp_fs_join(path, sizeof path, p->dir, "index.html"));
    SCP_GOTO(done, draw_all(p, gnuplot, jobs, drawn));
    SCP_GOTO(done, put_together(p, &page));
    SCP_GOTO(done, scp_fs_write_text(path, page.text, page.len));
done:
    scp_strbuf_fini(&page);
    scp_page_destroy(pp);
    return st;
}
