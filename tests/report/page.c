/* Pieces of the page: escaping, marks of tables, CSV, classes of a legend, figures as files. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "io/csv.h"
#include "report/figures.h"
#include "report/html.h"
#include "tap.h"

static void test_escaping(void)
{
    scp_strbuf b = { 0 };
    tap_st(scp_html_text(&b, "<b>&\"'`\xc3\xa9"), "text for HTML");
    tap_text(b.text, "&lt;b&gt;&amp;&quot;&#39;`\xc3\xa9", "is escaped, the rest stays");
    b.len = 0;
    tap_st(scp_gnuplot_text(&b, "it's `rm` \"x\" \\n\t$y\n"), "text for gnuplot");
    tap_text(b.text, "'it''s `rm` \"x\" \\n $y '", "in single quotes, where nothing is expanded");
    b.len = 0;
    tap_st(scp_tsv_field(&b, "a\tb\nc\x7f"), "text for a table");
    tap_text(b.text, "a b c ", "has no control characters");
    scp_strbuf_fini(&b);
}

static void add(scp_table *t, const char *name, double a, double b, bool ranked)
{
    tap_st(scp_table_add_row(t, name, (double[]){ a, b }, ranked), "row %s", name);
}

/* Marks of a column as a text: b best, s second, - none. */
static const char *marks(const scp_table *t, size_t column)
{
    static char text[16];
    for (size_t r = 0; r < t->n_rows; r++) text[r] = "-bs"[scp_table_marked(t, r, column)];
    text[t->n_rows] = '\0';
    return text;
}

static void test_marks(void)
{
    scp_table t = { 0 };
    tap_st(scp_table_init(&t, "t"), "a table");
    tap_st(scp_table_add_column(&t, "higher", 1, 2), "larger is better");
    tap_st(scp_table_add_column(&t, "lower", 0, 2), "smaller is better");
    add(&t, "a", 0.9, 0.3, true);
    tap_text(marks(&t, 0), "b", "a row alone is the best");
    add(&t, "b", 0.8, 0.1, true);
    add(&t, "ceiling", 1, 0, false);
    add(&t, "c", 0.7, 0.2, true);
    add(&t, "d", NAN, NAN, true);
    tap_text(marks(&t, 0), "bs---", "best and second; a ceiling and NaN are none");
    tap_text(marks(&t, 1), "-b-s-", "where less is better");
    t.value[3 * 2] = 0.8004;
    tap_text(marks(&t, 0), "bs-s-", "two second ones print alike");
    t.value[1 * 2] = 0.9049;
    tap_text(marks(&t, 0), "bb---", "two best ones print alike: there is no second");
    for (size_t r = 0; r < t.n_rows; r++) t.value[2 * r] = 0.5;
    tap_text(marks(&t, 0), "-----", "all alike: no marks");
    t.value[0] = 1.2; /* 0.2 beyond */
    t.value[2] = 0.9;
    tap_text(marks(&t, 0), "sb---", "nearer to the best value is better, from either side");
    scp_table_fini(&t);
}

static void test_csv(void)
{
    static const char good[] = "a,\"b \"\"q\"\"\",c\r\n1,\"x,\ty\nz\",\r\n\"\",2,\"\"\n";
    scp_tsv *t = NULL;
    tap_st(scp_csv_parse(good, strlen(good), "f.csv", &t), "quotes, commas, line breaks");
    if (t) {
        tap_ok(scp_tsv_n_rows(t) == 2 && scp_tsv_n_columns(t) == 3, "two rows of three fields");
        tap_text(scp_tsv_header(t, 1), "b \"q\"", "a doubled quote");
        tap_text(scp_tsv_text(t, 0, 1), "x, y z", "a tab and a line break became blanks");
        tap_text(scp_tsv_text(t, 0, 2), "", "an empty field");
        tap_text(scp_tsv_text(t, 1, 0), "", "an empty field in quotes");
    }
    scp_tsv_destroy(&t);
    tap_fails(scp_csv_parse("a,b\n\"1,2\n", 9, "f.csv", &t), SCP_EDATA,
              "f.csv:2: a quote is opened", "an open quote");
    tap_fails(scp_csv_parse("a,b\n\"1\"x,2\n", 11, "f.csv", &t), SCP_EDATA,
              "f.csv:2: text after a closing quote", "text behind a quote");
    tap_fails(scp_csv_parse("a,b\n1\n", 6, "f.csv", &t), SCP_EDATA, "f.csv:2", "a short row");
    tap_fails(scp_csv_read("/nonexistent.csv", &t), SCP_ENOINPUT, "nonexistent", "no file");
}

static void test_classes(void)
{
    enum { N = 40, NAMES = 15 };
    const char *name[NAMES];
    int32_t label[N];
    scp_classes c;
    for (size_t i = 0; i < NAMES; i++)
        name[i] = i == 3 ? "a name that is longer than a legend is wide" : "n";
    for (int32_t i = 0; i < N; i++) label[i] = i < 20 ? 3 : i < 35 ? i % 15 : -1;
    tap_st(scp_classes_make(label, N, name, NAMES, 1, &c), "15 classes");
    tap_ok(c.n == 12 && c.of[0] == 0 && c.of[39] == 12, "the 12 largest, then 'other'");
    tap_text(c.title[0], "a name that is longer than a legen\xe2\x80\xa6 (21)",
             "long names are cut");
    tap_ok(c.other == 5 + 3, "points without a class");
    scp_classes_fini(&c);
    tap_st(scp_classes_make(label, N, name, NAMES, 5, &c), "classes of five points");
    tap_ok(c.n == 1 && c.other == N - 21, "are one");
    scp_classes_fini(&c);
}

static void test_figure(void)
{
    scp_page *p = NULL;
    scp_figure f;
    char path[SCP_PATH_MAX], *text = NULL;
    size_t drawn = 9, len;
    tap_st(scp_page_create(tap_tmpdir(), "t", &p), "a page");
    tap_st(scp_figure_init(&f, "r1_", "../x y'z", 300, 200), "a figure of a strange name");
    tap_text(f.name, "r1____x_y_z", "gets a plain one");
    tap_st(scp_strbuf_addf(&f.script, "this is no gnuplot\n"), "and a broken script");
    tap_st(scp_page_figure(p, &f), "is put on the page");
    tap_st(scp_page_missing(p, "All <else>", "%s", "a & b"), "something is missing");
    scp_figure_fini(&f);
    tap_st(scp_page_finish(&p, "gnuplot", 1, &drawn), "the page is finished all the same");
    tap_ok(drawn == 0 && !p, "nothing was drawn");
    if (scp_fs_join(path, sizeof path, tap_tmpdir(), "index.html") == SCP_OK)
        tap_st(scp_fs_read_text(path, &text, &len), "read");
    tap_ok(text && strstr(text, "No picture") &&
               strstr(text, "All &lt;else&gt;</b> left out: a &amp; b"),
           "and says both");
    tap_ok(text && strstr(text, "</html>") && strstr(text, "<h2>Left out</h2>"), "to its end");
    free(text);
}

static void test_tics(void)
{
    tap_ok(scp_tic_step(23, 6) == 5 && scp_tic_step(12, 6) == 2 && scp_tic_step(6, 6) == 1 &&
               fabs(scp_tic_step(0.61, 6) - 0.2) < 1e-12 && scp_tic_step(70, 6) == 20,
           "tics at round distances, six at most");
    tap_ok(scp_tic_step(0, 6) == 1 && scp_tic_step(NAN, 6) == 1, "nothing to divide");
}

static void test_line_text(void)
{
    static char unit[] = "h";
    scp_report_settings s = { 0 };
    const scp_report_run r = { .s = &s };
    scp_strbuf b = { 0 };
    if (tap_st(scp_line_text(&r, &b, "A549", 10), "a cell line"))
        tap_ok(strcmp(b.text, "A549") == 0, "by its name");
    s.line_unit = unit;
    b.len = 0;
    if (tap_st(scp_line_text(&r, &b, "24", 10), "hours of exposure"))
        tap_ok(strcmp(b.text, "24 h") == 0, "with the unit");
    scp_strbuf_fini(&b);
}

int main(void)
{
    test_tics();
    test_line_text();
    test_escaping();
    test_marks();
    test_csv();
    test_classes();
    test_figure();
    return tap_done();
}
