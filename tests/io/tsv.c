/* Tables: strictness with file and line in the message, access by name, write and read back. */
#include "io/tsv.h"

#include <math.h>
#include <string.h>

#include "base/fs.h"
#include "tap.h"

static void refused(const char *text, const char *part, const char *what)
{
    scp_tsv *t = NULL;
    tap_fails(scp_tsv_parse(text, strlen(text), "t.tsv", &t), SCP_EDATA, part, "%s", what);
    tap_ok(!t, "and nothing is returned");
}

static void reading(void)
{
    scp_tsv *t = NULL;
    size_t c = 9;
    double x = 0;
    int64_t i = 0;
    const char text[] = "\xef\xbb\xbf"
                        "drug\tdose\tn\r\nγ-Oryzanol\t0.05\t3\r\n\t1e-4\tx\r\n\r\n";
    tap_st(scp_tsv_parse(text, sizeof text - 1, "t.tsv", &t), "BOM, CRLF and blank last lines");
    tap_ok(scp_tsv_n_rows(t) == 2 && scp_tsv_n_columns(t) == 3, "two rows of three");
    tap_text(scp_tsv_header(t, 0), "drug", "the byte order mark is not part of the name");
    tap_text(scp_tsv_text(t, 0, 0), "γ-Oryzanol", "text field");
    tap_text(scp_tsv_text(t, 1, 0), "", "an empty field");
    tap_text(scp_tsv_text(t, 0, 2), "3", "the last field has no carriage return");
    tap_st(scp_tsv_column(t, "dose", &c), "column by name");
    tap_st(scp_tsv_real(t, 1, c, &x), "real field");
    tap_near(x, 1e-4, 0, "real value");
    tap_st(scp_tsv_int(t, 0, 2, &i), "integer field");
    tap_ok(i == 3, "integer value");
    tap_fails(scp_tsv_int(t, 1, 2, &i), SCP_EDATA, "t.tsv:3: column n: \"x\"",
              "file, line, column");
    tap_fails(scp_tsv_column(t, "plate", &c), SCP_EDATA, "drug, dose, n", "columns that exist");
    tap_ok(scp_tsv_find(t, "plate") == -1, "find says no");
    scp_tsv_destroy(&t);
    scp_tsv_destroy(&t);

    refused("", "header", "an empty file");
    refused("a\tb\n1\n", "t.tsv:2: 1 fields, but the header has 2", "a short row");
    refused("a\tb\n1\t2\n1\t2\t3\n", "t.tsv:3: 3 fields", "a long row");
    refused("a\tb\n\n1\t2\n", "t.tsv:2: 1 fields", "an empty line inside");
    refused("a\ta\n", "twice", "a column name twice");
    refused("a\nb\nc\xff\n", "t.tsv:3: byte 0xff", "not UTF-8");
    refused("a\n\xc0\xaf\n", "t.tsv:2: byte 0xc0", "an overlong form");
    refused("a\n\xed\xa0\x80\n", "t.tsv:2", "a surrogate");
    tap_fails(scp_tsv_parse("a\nb\0c\n", 6, "t.tsv", &t), SCP_EDATA, "t.tsv:2: byte 0x00",
              "a NUL byte");
    tap_fails(scp_tsv_read("/nonexistent.tsv", &t), SCP_ENOINPUT, "/nonexistent.tsv",
              "missing file");
}

static void writing(void)
{
    const char *columns[] = { "name", "x", "n" };
    char path[SCP_PATH_MAX];
    scp_tsv_writer *w = NULL;
    scp_tsv *t = NULL;
    double x = 0;
    tap_st(scp_fs_join(path, sizeof path, tap_tmpdir(), "out.tsv"), "name");
    tap_st(scp_tsv_writer_create(columns, 3, &w), "writer");
    tap_st(scp_tsv_add_text(w, "a, b"), "text");
    tap_st(scp_tsv_add_real(w, 0.1), "real");
    tap_st(scp_tsv_add_int(w, -7), "integer");
    tap_fails(scp_tsv_add_text(w, "a\tb"), SCP_EDATA, "tab", "a tab cannot be stored");
    tap_st(scp_tsv_add_text(w, ""), "empty");
    tap_st(scp_tsv_add_real(w, NAN), "NaN");
    tap_st(scp_tsv_add_int(w, INT64_MAX), "large");
    tap_st(scp_tsv_writer_commit(&w, path), "committed");
    tap_st(scp_tsv_read(path, &t), "read back");
    tap_ok(scp_tsv_n_rows(t) == 2, "two rows");
    tap_st(scp_tsv_real(t, 0, 1, &x), "real back");
    tap_near(x, 0.1, 0, "same value");
    tap_text(scp_tsv_text(t, 1, 1), "", "NaN is empty");
    tap_text(scp_tsv_text(t, 1, 2), "9223372036854775807", "large integer");
    scp_tsv_destroy(&t);
    tap_st(scp_tsv_writer_create(columns, 3, &w), "writer");
    tap_st(scp_tsv_add_text(w, "lone"), "one field");
    tap_fails(scp_tsv_writer_commit(&w, path), SCP_EINTERNAL, "1 of 3", "incomplete row");
    tap_ok(!w, "the writer is gone");
}

static void real_table(void)
{
    const char *path = tap_data("tahoe/drugs.tsv");
    scp_tsv *t = NULL;
    size_t drug;
    bool greek = false;
    if (!path) {
        tap_skip("no real data here", "Tahoe's drug table");
        return;
    }
    tap_st(scp_tsv_read(path, &t), "Tahoe's drug table reads");
    tap_ok(scp_tsv_n_rows(t) == 379, "379 drugs");
    tap_st(scp_tsv_column(t, "drug", &drug), "has a drug column");
    for (size_t i = 0; i < scp_tsv_n_rows(t); i++)
        greek |= strcmp(scp_tsv_text(t, i, drug), "γ-Oryzanol") == 0;
    tap_ok(greek, "with its non-ASCII name");
    scp_tsv_destroy(&t);
}

int main(void)
{
    reading();
    writing();
    real_table();
    return tap_done();
}
