/* What a run leaves beside its weights: TensorBoard event files, byte for byte those of
 * TensorBoard's own writer (tests/golden/make_tfevents_golden.py); the status file and what a
 * reader makes of it; and the pieces they stand on: CRC-32C, lines of JSON that are dropped,
 * temporaries that are swept, differences of settings. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/crc32c.h"
#include "base/fs.h"
#include "base/jsonl.h"
#include "conf/option.h"
#include "tap.h"
#include "train/beat.h"
#include "train/tb_events.h"

static const char *at(const char *name)
{
    static char path[4][SCP_PATH_MAX];
    static int next;
    char *p = path[next++ % 4];
    snprintf(p, SCP_PATH_MAX, "%s/%s", tap_tmpdir(), name);
    return p;
}

static void test_crc(void)
{
    const char zeros[32] = { 0 };
    tap_ok(scp_crc32c("123456789", 9) == 0xe3069283, "CRC-32C of 123456789");
    tap_ok(scp_crc32c(zeros, 32) == 0x8a9136aa, "of 32 zeros [RFC 3720 B.4]");
    tap_ok(scp_crc32c("", 0) == 0, "of nothing");
}

static void test_events(void)
{
    static const char *const two[] = { "loss", "lr" }, *const one[] = { "validation" };
    const char *path = at("events"), *top = getenv("top_srcdir");
    char golden[SCP_PATH_MAX], *want = NULL, *have = NULL;
    size_t n = 0, m = 0;
    scp_tb_events *e = NULL;
    snprintf(golden, sizeof golden, "%s/tests/golden/events.out.tfevents.golden", top ? top : ".");
    tap_st(scp_tb_events_create(path, 1700000000.25, 301, &e), "an event file");
    tap_st(scp_tb_events_add(e, 1700000001.5, 350, two, (const double[]){ 0.125, 1e-4 }, 2),
           "two scalars");
    tap_st(scp_tb_events_add(e, 1700000002.0, 400, one, (const double[]){ -2.5 }, 1), "a score");
    scp_tb_events_close(&e);
    tap_fails(scp_tb_events_create(path, 0, 0, &e), SCP_EIO, "File exists", "a file that is there");
    if (tap_st(scp_fs_read_text(path, &have, &n), "its bytes") &&
        tap_st(scp_fs_read_text(golden, &want, &m), "those of TensorBoard"))
        tap_ok(n == m && memcmp(want, have, n) == 0, "are the same");
    free(want);
    free(have);
}

static bool not_b(void *ctx, const char *line, size_t len)
{
    ++*(int *)ctx;
    return !(len > 0 && line[0] == 'b');
}

static void test_filter(void)
{
    const char *path = at("lines"), *other = at("lines.tmp.99");
    char *text = NULL;
    int seen = 0;
    tap_st(scp_jsonl_filter(path, not_b, &seen), "a missing file is fine");
    tap_st(scp_jsonl_append(path, "a1"), "a line");
    tap_st(scp_jsonl_append(path, "b2"), "a line");
    tap_st(scp_jsonl_append(path, "a3"), "a line");
    tap_st(scp_fs_write_text(other, "x", 1), "what a killed one left");
    FILE *f = fopen(path, "a");
    if (f) fputs("torn", f);
    if (f) fclose(f);
    tap_st(scp_jsonl_filter(path, not_b, &seen), "filtered");
    if (tap_st(scp_fs_read_text(path, &text, NULL), "read"))
        tap_text(text, "a1\na3\n", "lines that stay; the torn one is gone");
    tap_ok(seen == 3 && !scp_fs_exists(other), "every whole line was shown; the temporary is gone");
    free(text);
}

/* Processes that write one file at the same time, of which one drops lines again and again: every
 * line of the others stays, once and whole. */
static void test_writers(void)
{
    enum { WRITERS = 4, LINES = 150 };
    const char *path = at("shared");
    char *text = NULL, line[64];
    pid_t pid[WRITERS];
    int code, bad = 0, seen = 0, n = 0;
    for (int w = 0; w < WRITERS; w++) {
        pid[w] = fork();
        if (pid[w] != 0) continue;
        for (int i = 0; i < LINES; i++) {
            snprintf(line, sizeof line, "%c%d", w == 0 ? 'b' : 'a' + 2 * w, i);
            if (scp_jsonl_append(path, line) != SCP_OK) _exit(1);
            if (w == 0 && scp_jsonl_filter(path, not_b, &seen) != SCP_OK) _exit(1);
        }
        _exit(0);
    }
    for (int w = 0; w < WRITERS; w++)
        bad += pid[w] < 0 || waitpid(pid[w], &code, 0) < 0 || code != 0;
    tap_ok(bad == 0, "%d writers, one of which filters", WRITERS);
    if (tap_st(scp_fs_read_text(path, &text, NULL), "read"))
        for (int w = 1; w < WRITERS; w++) {
            const char *from = text;
            for (int i = 0; i < LINES && from; i++) { /* in order */
                snprintf(line, sizeof line, "%c%d\n", 'a' + 2 * w, i);
                from = strstr(from, line);
                n += from != NULL;
            }
        }
    tap_ok(n == (WRITERS - 1) * LINES, "%d lines of %d stay", n, (WRITERS - 1) * LINES);
    free(text);
}

static void test_sweep(void)
{
    static const char *const name[] = { "x.h5", "x.h5.tmp.12", "y.tmp.7", "x.h5.tmp.1a", "tmp.5" };
    char dir[SCP_PATH_MAX], path[SCP_PATH_MAX + 32];
    snprintf(dir, sizeof dir, "%s", at("sweep"));
    tap_st(scp_fs_mkdirs(dir), "a folder");
    for (int i = 0; i < 5; i++) {
        snprintf(path, sizeof path, "%s/%s", dir, name[i]);
        tap_st(scp_fs_write_text(path, "", 0), "%s", name[i]);
    }
    tap_ok(scp_fs_sweep(dir, "x.h5") == 1 && scp_fs_sweep(dir, NULL) == 1,
           "temporaries of one name, then of any");
    snprintf(path, sizeof path, "%s/x.h5.tmp.1a", dir);
    tap_ok(scp_fs_exists(path), "what only looks like one stays");
}

static void test_diff(void)
{
    static const char old[] = "a: 1\nmodel:\n  dropout: 0.15\n  wide:\n    x: [1, 2]\nz: q\n",
                      now[] = "a: 1\nmodel:\n  dropout: 0.2\n  wide:\n    x: [1, 2]\nnew: 3\n";
    scp_strbuf b = { 0 };
    size_t n = 9;
    tap_st(scp_conf_diff(old, NULL, now, "", &b, &n), "two dumps");
    tap_ok(n == 3, "three differences");
    tap_text(b.text, "model.dropout was 0.15, is now 0.2; z was q, is now not set; "
                     "new was not set, is now 3", "by name, old and new");
    b.len = 0;
    tap_st(scp_conf_diff(old, NULL, now, "model.wide", &b, &n), "below a prefix");
    tap_ok(n == 0, "none");
    tap_st(scp_conf_diff(old, "new: 3\nmodel:\n  dropout: 0.2\n", now, "", &b, &n), "a default");
    tap_ok(n == 2, "a setting that came later is as by default; one that was there is not");
    b.len = 0;
    tap_st(scp_conf_diff(old, "new: 2\n", now, "new", &b, &n), "another default");
    tap_text(b.text, "new was 2, is now 3", "set since it came");
    scp_strbuf_fini(&b);
}

static void test_beat(void)
{
    const char *path = at("status.json");
    scp_beat_facts facts = { .step = 7, .steps = 9, .checkpoint = 5, .loss = NAN, .ranks = 2,
                             .samples_per_second = 3.5, .seconds_left = NAN };
    scp_beat *b = NULL;
    scp_beat_view v;
    char *text = NULL;
    tap_fails(scp_beat_read(path, &v), SCP_ENOINPUT, "status.json", "no status yet");
    tap_st(scp_beat_start(path, "train", &facts, &b), "a sign of life");
    tap_st(scp_beat_read(path, &v), "read");
    tap_ok(v.state == SCP_BEAT_RUNNING && !v.halted && v.pid == getpid() && v.age >= 0 &&
               v.age < 60,
           "this process runs");
    tap_ok(v.facts.step == 7 && v.facts.checkpoint == 5 && isnan(v.facts.loss) &&
               v.facts.samples_per_second == 3.5 && v.facts.ranks == 2, "and says where it is");
    if (tap_st(scp_fs_read_text(path, &text, NULL), "its text")) {
        char *pid = strstr(text, "\"pid_start\": ");
        if (pid) pid[13] = pid[13] == '1' ? '2' : '1'; /* another process had this number */
        tap_st(scp_fs_write_text(path, text, strlen(text)), "of another process");
        tap_st(scp_beat_read(path, &v), "read");
        tap_ok(v.state == SCP_BEAT_DEAD, "which is gone: dead");
    }
    free(text);
    facts.step = 9;
    scp_beat_tell(b, &facts);
    scp_beat_end(&b, SCP_BEAT_FAILED, "no more \"room\"");
    tap_st(scp_beat_read(path, &v), "read after the end");
    tap_ok(v.state == SCP_BEAT_FAILED && v.facts.step == 9, "failed, at its last step");
    tap_text(v.message, "no more \"room\"", "with the message");
}

int main(void)
{
    test_crc();
    test_events();
    test_filter();
    test_writers();
    test_sweep();
    test_diff();
    test_beat();
    return tap_done();
}
