/* Files, atomic writes, JSON out and back in, signals, log and progress lines. */
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/json.h"
#include "base/jsonl.h"
#include "base/log.h"
#include "base/progress.h"
#include "base/sig.h"
#include "base/version.h"
#include "tap.h"

static const char *at(const char *name)
{
    static char path[2][SCP_PATH_MAX];
    static int turn;
    turn = !turn;
    snprintf(path[turn], sizeof path[turn], "%s/%s", tap_tmpdir(), name);
    return path[turn];
}

static bool file_is(const char *path, const char *want)
{
    char *text;
    size_t len;
    if (scp_fs_read_text(path, &text, &len) != SCP_OK) return false;
    bool same = len == strlen(want) && strcmp(text, want) == 0;
    free(text);
    return same;
}

static void whole_files(void)
{
    char tmp[SCP_PATH_MAX], **names;
    size_t n;
    int64_t bytes = 0;
    tap_st(scp_fs_mkdirs(at("a/b/c")), "folders with parents");
    tap_st(scp_fs_mkdirs(at("a/b/c/")), "an existing folder is fine");
    tap_st(scp_fs_write_text(at("a/x.txt"), "one", 3), "write");
    tap_st(scp_fs_write_text(at("a/x.txt"), "second", 6), "write over");
    tap_ok(file_is(at("a/x.txt"), "second"), "the later text is there");
    tap_ok(scp_fs_size(at("a/x.txt"), &bytes) == SCP_OK && bytes == 6, "size");
    tap_ok(scp_fs_list(at("a"), "", &names, &n) == SCP_OK && n == 2, "no temporary is left");
    scp_fs_list_free(names, n);
    tap_fails(scp_fs_list(at("none"), "", &names, &n), SCP_ENOINPUT, "none",
              "list of a missing folder");
    tap_st(scp_fs_write_text(at("a/w.txt"), "", 0), "an empty file");
    tap_st(scp_fs_write_text(at("a/b.tsv"), "x", 1), "another kind");
    tap_ok(scp_fs_list(at("a"), ".txt", &names, &n) == SCP_OK && n == 2 &&
               !strcmp(names[0], "w.txt") && !strcmp(names[1], "x.txt"),
           "list by suffix, sorted");
    scp_fs_list_free(names, n);
    tap_st(scp_fs_tmp_name(tmp, sizeof tmp, at("a/y")), "name of a temporary");
    char host[64] = "";
    tap_ok(gethostname(host, sizeof host - 1) == 0 && strstr(tmp, "/y.tmp.") &&
               strncmp(strstr(tmp, "/y.tmp.") + 7, host, strcspn(host, ".")) == 0,
           "it names the node");
    tap_st(scp_fs_post_text(tmp, "left", 4), "one that a killed process left");
    tap_ok(scp_fs_sweep(at("a"), "z") == 0 && scp_fs_sweep(at("a"), "y") == 1 &&
               !scp_fs_exists(tmp),
           "is found by the name of its file");
    tap_ok(strstr(tmp, "/a/y.tmp.") != NULL, "beside its file");
    FILE *f = fopen(tmp, "w");
    fputs("half", f);
    fclose(f);
    tap_ok(!scp_fs_exists(at("a/y")), "an uncommitted file does not exist");
    tap_st(scp_fs_commit(tmp, at("a/y")), "commit");
    tap_ok(file_is(at("a/y"), "half") && !scp_fs_exists(tmp),
           "the file appears, the temporary goes");
    scp_fs_remove(at("a/y"));
    scp_fs_remove(at("a/y"));
    tap_ok(!scp_fs_exists(at("a/y")), "remove, twice");
    char joined[64];
    tap_ok(scp_fs_join(joined, sizeof joined, "d/", "f") == SCP_OK && !strcmp(joined, "d/f"),
           "join");
}

/* Tests may run as root, whom no mode bits stop: a folder below a file stops everybody. */
static void refusals(void)
{
    char *text;
    size_t len;
    tap_fails(scp_fs_read_text(at("nowhere"), &text, &len), SCP_ENOINPUT, "nowhere",
              "missing file");
    tap_fails(scp_fs_read_text(tap_tmpdir(), &text, &len), SCP_ENOINPUT, "folder",
              "a folder is no file");
    tap_fails(scp_fs_mkdirs(at("a/x.txt/sub/dir")), SCP_EIO, "x.txt", "folder below a file");
    tap_fails(scp_fs_check_writable(at("a/x.txt")), SCP_EIO, "x.txt",
              "a file is no writable folder");
    tap_fails(scp_fs_check_writable(at("nowhere")), SCP_EIO, "nowhere", "a missing folder");
    tap_fails(scp_fs_write_text(at("a/x.txt/y"), "z", 1), SCP_EIO, "x.txt/y", "write below a file");
    tap_st(scp_fs_check_writable(tap_tmpdir()), "a writable folder");
    tap_fails(scp_fs_write_text(at("a/b"), "z", 1), SCP_EIO, "a/b", "write over a folder");
    char **names;
    size_t n;
    tap_ok(scp_fs_list(at("a"), ".txt", &names, &n) == SCP_OK && n == 2,
           "a failed write leaves nothing");
    scp_fs_list_free(names, n);
    tap_fails(scp_jsonl_append(at("a/x.txt/log"), "{}"), SCP_EIO, "x.txt/log",
              "append below a file");
}

static void json_out_and_in(void)
{
    scp_jsonl j = { 0 };
    const char *line;
    scp_json *root = NULL;
    const char *odd = "quote \" backslash \\ tab \t newline \n bell \a \xc2\xb5M", *back = NULL;
    scp_jsonl_begin(&j);
    scp_jsonl_text(&j, "odd \"key\"", odd);
    scp_jsonl_text(&j, "none", NULL);
    scp_jsonl_int(&j, "least", INT64_MIN);
    scp_jsonl_real(&j, "third", 1.0 / 3);
    scp_jsonl_real(&j, "nan", NAN);
    scp_jsonl_real(&j, "inf", -INFINITY);
    scp_jsonl_bool(&j, "yes", true);
    scp_jsonl_open(&j, "inside");
    scp_jsonl_open(&j, "empty");
    scp_jsonl_close(&j);
    scp_jsonl_raw(&j, "list", "[1, 2.5]");
    if (!tap_st(scp_jsonl_end(&j, &line), "an object, closed by end")) return;
    tap_ok(strchr(line, '\n') == NULL, "stands on one line");
    if (!tap_st(scp_json_parse(line, strlen(line), "line", &root), "is valid JSON")) return;
    int64_t least = 0;
    double third = 0, item = 0;
    bool yes = false;
    tap_ok(scp_json_as_text(scp_json_get(root, "odd \"key\""), "t", &back) == SCP_OK &&
               strcmp(back, odd) == 0,
           "every character comes back");
    tap_ok(scp_json_as_int(scp_json_get(root, "least"), "i", &least) == SCP_OK &&
               least == INT64_MIN,
           "integers come back");
    tap_ok(scp_json_as_real(scp_json_get(root, "third"), "r", &third) == SCP_OK && third == 1.0 / 3,
           "reals come back exactly");
    tap_ok(scp_json_as_bool(scp_json_get(root, "yes"), "b", &yes) == SCP_OK && yes,
           "booleans come back");
    tap_ok(scp_json_kind_of(scp_json_get(root, "nan")) == SCP_JSON_NULL &&
               scp_json_kind_of(scp_json_get(root, "inf")) == SCP_JSON_NULL &&
               scp_json_get(root, "none"),
           "what is no number is null");
    const scp_json *inside = scp_json_get(root, "inside"), *list = scp_json_get(inside, "list");
    tap_ok(scp_json_count(scp_json_get(inside, "empty")) == 0 && scp_json_count(list) == 2,
           "counts");
    tap_ok(scp_json_as_real(scp_json_at(list, 1), "item", &item) == SCP_OK && item == 2.5,
           "list item");
    tap_ok(!scp_json_at(list, 2) && !scp_json_get(root, "absent"), "absent values are NULL");
    tap_fails(scp_json_as_int(scp_json_get(root, "third"), "third", &least), SCP_EDATA,
              "third should be an integer and is a real", "wrong kind");
    tap_fails(scp_json_as_text(NULL, "absent", &back), SCP_EDATA, "missing", "missing key");
    static const char *const order[] = { "odd \"key\"", "none", "least", "third",
                                         "nan",         "inf",  "yes",   "inside" };
    size_t k = 0;
    void *iter = NULL;
    const char *key;
    const scp_json *value;
    bool in_order = true;
    while (scp_json_next(root, &iter, &key, &value)) in_order &= k < 8 && !strcmp(key, order[k++]);
    tap_ok(in_order && k == 8, "members in the order of the text");
    scp_json_destroy(&root);
    scp_jsonl_fini(&j);
}

static void json_builder(void)
{
    scp_jsonl j = { 0 };
    const char *line;
    scp_jsonl_begin(&j);
    scp_jsonl_text(&j, "t",
                   "\xc2\xb5|\xe2\x82\xac|\xf0\x9f\xa7\xac|\xff|\xc0\xaf|\xed\xa0\x80|\xe2\x82");
    tap_ok(scp_jsonl_end(&j, &line) == SCP_OK &&
               !strcmp(line,
                       "{\"t\": \"\xc2\xb5|\xe2\x82\xac|\xf0\x9f\xa7\xac|\\ufffd|\\ufffd\\ufffd|"
                       "\\ufffd\\ufffd\\ufffd|\\ufffd\\ufffd\"}"),
           "bytes that are no UTF-8 are replaced");
    scp_jsonl_begin(&j);
    scp_jsonl_int(&j, "a", 1);
    tap_ok(scp_jsonl_end(&j, &line) == SCP_OK && !strcmp(line, "{\"a\": 1}"),
           "the builder is reusable");
    scp_jsonl_close(&j);
    tap_fails(scp_jsonl_end(&j, &line), SCP_EINTERNAL, "closed", "one close too many");
    scp_jsonl_fini(&j);
    tap_st(scp_jsonl_append(at("m.jsonl"), "{\"a\": 1}"), "append");
    tap_st(scp_jsonl_append(at("m.jsonl"), "{}"), "append again");
    tap_ok(file_is(at("m.jsonl"), "{\"a\": 1}\n{}\n"), "two lines");
}

static void bad_json(void)
{
    scp_json *root;
    static const struct {
        const char *text, *part;
    } bad[] = { { "{\"a\": 1,\n\"a\": 2}", "duplicate" },
                { "{\"a\": }", "in:1" },
                { "", "in:" },
                { "{} {}", "in:1" },
                { "[1,\n2,\n", "in:3" },
                { "{\"a\": 99999999999999999999}", "big" } };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        tap_fails(scp_json_parse(bad[i].text, strlen(bad[i].text), "in", &root), SCP_EDATA,
                  bad[i].part, "bad JSON %zu", i);
        if (root) tap_ok(false, "no value is returned");
    }
    tap_fails(scp_json_load(at("none.json"), &root), SCP_ENOINPUT, "none.json",
              "missing JSON file");
}

/* Signals are taken by a thread of their own: send one to the process and wait until `seen` pends.
 */
static bool send_signal(int sig, int seen)
{
    kill(getpid(), sig);
    for (int i = 0; i < 2000 && scp_sig_pending() != seen; i++) usleep(1000);
    return scp_sig_pending() == seen;
}

/* Wait until the thread has taken a signal that was sent, whatever it makes of it. */
static void let_take(int sig)
{
    sigset_t set;
    for (int i = 0; i < 2000 && sigpending(&set) == 0 && sigismember(&set, sig) == 1; i++)
        usleep(1000);
    usleep(20000);
}

static void signals(void)
{
    tap_st(scp_sig_install(), "install handlers");
    tap_ok(scp_sig_pending() == 0, "nothing is pending");
    tap_ok(send_signal(SIGUSR1, SIGUSR1), "a signal to the process");
    kill(getpid(), SIGTERM);
    let_take(SIGTERM);
    tap_ok(scp_sig_pending() == SIGUSR1, "the first signal counts");
    scp_sig_clear();
    tap_ok(scp_sig_pending() == 0, "clear");
    tap_ok(send_signal(SIGINT, SIGINT), "one SIGINT is a request");
    int how = 0;
    pid_t child = fork();
    if (child == 0) {
        if (scp_sig_install() == SCP_OK) (void)send_signal(SIGINT, 0);
        _exit(0);
    }
    tap_ok(waitpid(child, &how, 0) == child && WIFEXITED(how) && WEXITSTATUS(how) == 130,
           "a second one ends the process");
    scp_sig_clear();
}

/* Run `say` with standard error in a file, and return that file's text (free). */
static char *captured(void (*say)(void))
{
    char *text = NULL;
    size_t len;
    fflush(stderr);
    int kept = dup(STDERR_FILENO), fd = open(at("stderr"), O_CREAT | O_TRUNC | O_WRONLY, 0600);
    dup2(fd, STDERR_FILENO);
    close(fd);
    say();
    fflush(stderr);
    dup2(kept, STDERR_FILENO);
    close(kept);
    return scp_fs_read_text(at("stderr"), &text, &len) == SCP_OK ? text : NULL;
}

static void say_things(void)
{
    scp_log(SCP_LOG_INFO, "visible %d", 1);
    scp_log(SCP_LOG_DEBUG, "hidden");
    scp_log_set_rank(3, 4);
    scp_log(SCP_LOG_INFO, "hidden on rank 3");
    scp_log_all(SCP_LOG_INFO, "visible on rank 3");
    scp_log(SCP_LOG_ERROR, "errors come from every rank");
    scp_log_set_rank(0, 1);
    scp_progress *p;
    if (scp_progress_create("train", 1000, true, &p) != SCP_OK) return;
    scp_progress_update(p, 500, NULL);
    scp_progress_update(p, 1000, "loss 0.5");
    scp_progress_destroy(&p);
    if (scp_progress_create("silent", 10, false, &p) != SCP_OK) return;
    scp_progress_update(p, 10, NULL);
    scp_progress_destroy(&p);
}

static void lines(void)
{
    char *text = captured(say_things);
    tap_ok(text && strstr(text, "info    visible 1\n"), "a log line");
    tap_ok(text && !strstr(text, "hidden"), "quiet levels and ranks");
    tap_ok(text && strstr(text, "[3 ") && strstr(text, "visible on rank 3\n"), "rank and host");
    tap_ok(text && strstr(text, "errors come from every rank"), "errors of any rank");
    tap_ok(text && strstr(text, "train 1000/1000 (100 %)") && strstr(text, ", loss 0.5\n"),
           "progress ends with a whole line");
    tap_ok(text && !strstr(text, "silent"), "a silent rank says nothing");
    free(text);
}

int main(void)
{
    whole_files();
    refusals();
    json_out_and_in();
    json_builder();
    bad_json();
    signals();
    lines();
    tap_ok(scp_version()[0] && scp_version_git()[0] && strstr(scp_version_build(), "compiler"),
           "version");
    return tap_done();
}
