/* Figures as files, drawn by gnuplot, see draw.h. */
#include "report/draw.h"

#include <stdlib.h>
#include <string.h>

#include "base/child.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/mem.h"
#include "report/html.h"

/* Colours that colour-blind readers tell apart [Okabe and Ito], and quiet axes. The names are used
 * by every script. */
static const char common[] =
    "set encoding utf8\n"
    "set datafile separator tab\n"
    "set datafile missing 'nan'\n"
    "set style fill solid 0.75 noborder\n"
    "set border 3 lc rgb '#444444'\n"
    "set tics nomirror out scale 0.6 tc rgb '#222222'\n"
    "set grid back lt 1 lw 0.6 lc rgb '#e2e2e2'\n"
    "set key outside right top Left reverse spacing 1.2 samplen 1.6\n"
    "TRUTH = '#0072b2'\n"
    "MODEL = '#d55e00'\n"
    "GREY = '#9a9a9a'\n"
    "array COLOUR[12] = ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#e69f00', '#56b4e9',\\\n"
    "    '#8c564b', '#7f6fc9', '#b8b000', '#333333', '#1f1f8f', '#9acd32']\n"
    "SHAPE(i) = i <= 6 ? 7 : 9\n";

static scp_status write_file(const char *dir, const char *name, const char *end,
                             const scp_strbuf *text)
{
    char path[SCP_PATH_MAX];
    SCP_TRY(scp_str_format(path, sizeof path, "%s/%s.%s", dir, name, end));
    return scp_fs_write_text(path, text->text, text->len);
}

static scp_status write_script(const scp_figure *f, const char *dir)
{
    scp_strbuf b = { 0 };
    scp_status st = SCP_OK;
    SCP_GOTO(done,
             scp_strbuf_addf(&b, "# %s: draw it again with: gnuplot %s.gp\n", f->name, f->name));
    SCP_GOTO(done, scp_strbuf_addf(&b,
                                   "set terminal svg noenhanced size %d,%d font 'DejaVu Sans,13' "
                                   "background 'white' name '%s'\nset output '%s.svg'\n",
                                   f->width, f->height, f->name, f->name));
    SCP_GOTO(done, scp_strbuf_addf(&b, "%sDATA = '%s.tsv'\n", common, f->name));
    SCP_GOTO(done, scp_strbuf_addn(&b, f->script.text, f->script.len));
    st = write_file(dir, f->name, "gp", &b);
done:
    scp_strbuf_fini(&b);
    return st;
}

scp_status scp_drawing_write(const scp_figure *f, const char *dir, scp_drawing **out)
{
    char path[SCP_PATH_MAX];
    SCP_TRY(scp_alloc(1, sizeof **out, out));
    SCP_TRY(scp_str_format((*out)->name, sizeof(*out)->name, "%s", f->name));
    SCP_TRY(scp_str_format((*out)->why, sizeof(*out)->why, "it was not drawn"));
    SCP_TRY(scp_str_format(path, sizeof path, "%s/%s.svg", dir, f->name));
    scp_fs_remove(path);
    if (f->data.len) SCP_TRY(write_file(dir, f->name, "tsv", &f->data));
    return write_script(f, dir);
}

/* sh finds the program on the PATH and changes the folder; nothing of a name is expanded. */
enum { WORDS = 8 };
static char sh[] = "/bin/sh", dash_c[] = "-c", line[] = "cd \"$1\" && exec \"$2\" $3 \"$4\"",
            no_rc[] = "-d", version[] = "--version", empty[] = "";

static void words(char *argv[WORDS], const char *dir, const char *gnuplot, char *option,
                  char *script)
{
    argv[0] = sh;
    argv[1] = dash_c;
    argv[2] = line;
    argv[3] = sh;
    argv[4] = (char *)(uintptr_t)dir;
    argv[5] = (char *)(uintptr_t)gnuplot;
    argv[6] = option;
    argv[7] = script;
}

/* Is there such a program, and is it gnuplot? */
static scp_status probe(const char *dir, const char *gnuplot, bool *there)
{
    char *argv[WORDS + 1] = { 0 };
    char *const *one[] = { argv };
    scp_child_end end;
    words(argv, dir, gnuplot, version, empty);
    SCP_TRY(scp_children_run(one, 1, 1, &end));
    *there = strncmp(end.last, "gnuplot ", 8) == 0;
    return SCP_OK;
}

/* The outcome of one script. */
static scp_status note_end(scp_drawing *d, const scp_child_end *end, const char *dir, size_t *drawn)
{
    char path[SCP_PATH_MAX];
    SCP_TRY(scp_str_format(path, sizeof path, "%s/%s.svg", dir, d->name));
    if (end->signal == 0 && end->exit_code == 0 && scp_fs_exists(path)) {
        d->why[0] = '\0';
        ++*drawn;
        return SCP_OK;
    }
    scp_fs_remove(path);
    scp_log(SCP_LOG_WARN,
            "%s/%s.gp was not drawn: gnuplot ended with %s %d; run it there to see why", dir,
            d->name, end->signal ? "signal" : "exit code",
            end->signal ? end->signal : end->exit_code);
    return scp_str_format(d->why, sizeof d->why, "gnuplot failed on %s.gp: run it to see why",
                          d->name);
}

static scp_status run_all(scp_drawing *const *d, size_t n, const char *dir, const char *gnuplot,
                          int jobs, size_t *drawn)
{
    char *(*argv)[WORDS + 1] = NULL, **script = NULL;
    char *const **list = NULL;
    scp_child_end *end = NULL;
    scp_status st = SCP_OK;
    SCP_GOTO(done, scp_alloc(n, sizeof *argv, &argv));
    SCP_GOTO(done, scp_alloc(n, sizeof *script, &script));
    SCP_GOTO(done, scp_alloc(n, sizeof *list, &list));
    SCP_GOTO(done, scp_alloc(n, sizeof *end, &end));
    for (size_t i = 0; i < n; i++) {
        SCP_GOTO(done, scp_alloc(sizeof d[i]->name + 4, 1, &script[i]));
        SCP_GOTO(done, scp_str_format(script[i], sizeof d[i]->name + 4, "%s.gp", d[i]->name));
        words(argv[i], dir, gnuplot, no_rc, script[i]);
        list[i] = argv[i];
    }
    SCP_GOTO(done, scp_children_run(list, n, jobs, end));
    for (size_t i = 0; i < n; i++) SCP_GOTO(done, note_end(d[i], &end[i], dir, drawn));
done:
    for (size_t i = 0; script && i < n; i++) free(script[i]);
    free(script);
    free(argv);
    free(list);
    free(end);
    return st;
}

scp_status scp_drawings_draw(scp_drawing *const *d, size_t n, const char *dir, const char *gnuplot,
                             int jobs, size_t *drawn)
{
    bool there = false;
    *drawn = 0;
    if (!n || !gnuplot) return SCP_OK;
    SCP_TRY(probe(dir, gnuplot, &there));
    if (there) return run_all(d, n, dir, gnuplot, jobs, drawn);
    scp_log(SCP_LOG_WARN,
            "%s does not run: the figures are not drawn (Debian: apt-get install gnuplot-nox; or "
            "name it by --gnuplot). Their scripts are in %s: run this again, or gnuplot *.gp there",
            gnuplot, dir);
    for (size_t i = 0; i < n; i++)
        SCP_TRY(scp_str_format(d[i]->why, sizeof d[i]->why,
                               "%.100s does not run here; install gnuplot (apt-get install "
                               "gnuplot-nox)",
                               gnuplot));
    return SCP_OK;
}

scp_status scp_drawing_embed(const scp_drawing *d, const char *dir, scp_strbuf *out)
{
    char path[SCP_PATH_MAX], *text = NULL;
    size_t len = 0;
    SCP_TRY(scp_strbuf_addf(out, "<figure id=\"%s\">\n", d->name));
    if (d->why[0]) {
        SCP_TRY(scp_strbuf_addf(out, "<p class=\"out\">No picture: "));
        SCP_TRY(scp_html_text(out, d->why));
        return scp_strbuf_addf(out, "</p>\n");
    }
    SCP_TRY(scp_str_format(path, sizeof path, "%s/%s.svg", dir, d->name));
    SCP_TRY(scp_fs_read_text(path, &text, &len));
    const char *svg = strstr(text, "<svg"); /* the XML declaration has no place in a page */
    scp_status st =
        svg ? scp_strbuf_addf(out, "%s", svg)
            : scp_strbuf_addf(out, "<p class=\"out\">%s.svg is not a picture</p>\n", d->name);
    free(text);
    return st;
}
