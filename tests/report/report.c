/* The whole report on a made-up run: structure and marks of the tables, unfriendly names, what is
 * missing and what is damaged, the same enrichment on any number of ranks. */
#include "report/report.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "base/mem.h"
#include "base/str.h"
#include "comm/world.h"
#include "report/fake_run.h"
#include "tap.h"

static scp_comm *world;
static char top[SCP_PATH_MAX], sets[SCP_PATH_MAX];

/* Path below the folder of the test, in one of two buffers. */
static const char *below(const char *name)
{
    static char path[2][SCP_PATH_MAX];
    static size_t next;
    char *to = path[next++ % 2];
    if (scp_fs_join(to, SCP_PATH_MAX, top, name) != SCP_OK) tap_ok(false, "a path for %s", name);
    return to;
}

static bool leader(void)
{
    return scp_comm_rank(world) == 0;
}

/* Folder of the test that every rank knows. */
static scp_status share_folder(void)
{
    void *text = NULL;
    size_t len = 0;
    if (leader()) {
        SCP_TRY(scp_strdup(tap_tmpdir(), (char **)&text));
        len = strlen(text) + 1;
    }
    SCP_TRY(scp_comm_bcast_bytes(world, &text, &len, 0));
    scp_status st = scp_str_format(top, sizeof top, "%s", (char *)text);
    free(text);
    return st;
}

static scp_report_settings settings(void)
{
    static char title[] = "A <title> & more", gnuplot[] = "gnuplot", device[] = "cpu", uc[] = "uc",
                ud[] = "ud";
    static char *splits[] = { uc, ud };
    return (scp_report_settings){
        .title = title,
        .gnuplot = gnuplot,
        .device = device,
        .splits = { splits, 2 },
        .violin_genes = 4,
        .dose_curves = 3,
        .gene_sets = sets,
        .gsea = { .power = 1,
                  .permutations = 50,
                  .min_size = 5,
                  .max_size = 500,
                  .fdr = 0.25,
                  .seed = 1 },
        .umap = { .neighbors = 5, .min_dist = 0.1, .epochs = 20, .points = 3000, .seed = 1 },
        .moa = { .k = 3, .permutations = 50, .min_class = 2, .seed = 1, .dose = 1 },
    };
}

static char *read_file(const char *dir, const char *name)
{
    char path[SCP_PATH_MAX], *text = NULL;
    size_t len;
    if (scp_fs_join(path, sizeof path, dir, name) != SCP_OK ||
        scp_fs_read_text(path, &text, &len) != SCP_OK)
        tap_ok(false, "%s/%s is there: %s", dir, name, scp_err_message());
    return text;
}

static scp_status make_on(scp_comm *comm, const scp_report_settings *s, const char *run,
                          const char *out)
{
    char dir[SCP_PATH_MAX], output[SCP_PATH_MAX], page[SCP_PATH_MAX];
    scp_report_settings own = *s;
    SCP_TRY(scp_fs_join(dir, sizeof dir, top, run));
    SCP_TRY(scp_fs_join(output, sizeof output, top, out));
    own.output = output;
    char *runs[] = { dir };
    return scp_report_make(comm, &own, runs, 1, page, sizeof page);
}

static void has(const char *page, const char *text, const char *what)
{
    tap_ok(page && strstr(page, text), "%s", what);
}

static void has_not(const char *page, const char *text, const char *what)
{
    tap_ok(page && !strstr(page, text), "%s", what);
}

static void check_tables(const char *page)
{
    has(page, "<th scope=\"col\">rival &lt;1&gt;</th>", "a model's name is escaped");
    has(page,
        "<th scope=\"row\">logFC-Pearson</th><td><span class=\"best\">0.810</span><span "
        "class=\"ci\">0.300 to 0.400</span></td><td><span class=\"best\">0.810</span>",
        "values that print alike are both the best, with their intervals");
    has(page, "</td><td>0.700<span class=\"ci\">0.300 to 0.400</span></td><td class=\"ref\">0.990",
        "behind two best ones there is no second, and a ceiling is not ranked");
    has(page,
        "<th scope=\"row\">MSE</th><td><span class=\"second\">0.200</span></td><td>0.400</td><td>"
        "<span class=\"best\">0.100</span></td><td class=\"ref\">0.010</td>",
        "where less is better the least is the best, the next one second");
    has(page, "EV, mean", "EV stands as mean");
    has(page, "EV, median", "and as median");
    has(page, "within-well ceiling", "fractions of the ceiling");
    has(page, "84.0 %", "the share of significant genes");
}

static void check_comparisons(const char *page)
{
    has(page, "<th scope=\"col\">scppdm minus</th><th scope=\"col\">rival &lt;1&gt;</th>",
        "comparisons: the first model against the others");
    has(page,
        "<th scope=\"row\">logFC-Pearson</th><td>-0.000<span class=\"ci\">-0.020 to +0.010, q "
        "0.6</span></td><td>+0.110*<span class=\"ci\">+0.050 to +0.170, q 0.004</span></td>",
        "differences with intervals and q, the significant one marked");
    has(page,
        "<th scope=\"row\">MSE (less is better)</th><td>-0.200<span class=\"ci\"></span></td>",
        "without an interval or a test there is none");
    has(page, "<th scope=\"row\">DE-overlap@70</th><td>\xe2\x80\x93</td><td>+0.100",
        "an overlap of any size; a pair that was not compared");
    char *rows = read_file(below("report"), "comparisons_uc.tsv");
    tap_ok(rows && strstr(rows, "uc\tscppdm\tthird\tde_overlap_70\t24\t0.2\t0.1\t"),
           "the rows lie beside the page");
    free(rows);
    has(page, "Scores: Unseen drugs", "a split without comparisons has its scores");
    tap_ok(!scp_fs_exists(below("report/comparisons_ud.tsv")), "and no file of comparisons");
}

/* Addresses in the page, other than the names of XML's namespaces. */
static size_t addresses(const char *page)
{
    size_t n = 0;
    for (const char *at = page; (at = strstr(at, "http")); at++)
        n += strncmp(at, "http://www.w3.org/", 18) != 0 &&
             (strncmp(at, "http://", 7) == 0 || strncmp(at, "https://", 8) == 0);
    return n;
}

static void check_drawn(const char *page)
{
    size_t svg = 0, end = 0;
    for (const char *at = page; (at = strstr(at, "<svg")); at++) svg++;
    for (const char *at = page; (at = strstr(at, "</svg>")); at++) end++;
    if (strstr(page, "does not run here")) {
        tap_skip("gnuplot is not installed", "pictures");
        return;
    }
    has_not(page, "No picture", "every figure was drawn");
    tap_ok(svg == end && svg >= 11, "pictures are in the page (%zu)", svg);
    has(page, "%</text>", "a gene's name with a % is a label");
    has_not(page, "%%", "and no format");
    has_not(page, "<?xml", "without declarations of their own");
}

static void check_files(const char *out)
{
    const char *dir = below(out);
    char *training = read_file(dir, "training_train.tsv"),
         *dose = read_file(dir, "dose_response_uc.gp"),
         *long_table = read_file(dir, "all_scores.tsv"), *bars = read_file(dir, "ablations_uc.tsv");
    tap_text(training,
             "# step\tloss\tlr\tgrad_norm\n10\t2\t0.1\t1\n20\t1\t0.05\tnan\n\n\n"
             "# step\tvalidation score\n20\t0.5\n",
             "what a resumed run did twice is there once, a cut line is not");
    has(dose, "'<b>&\"''`$(x) {y}_z^2\\n%s@, A549'", "names in scripts are single-quoted");
    has(long_table, "\tscppdm\tuc\tlogfc_pearson\t0.81\t0.81\t", "all scores as a long table");
    has(bars, "# figure\tfull\ts.e.\tA\ts.e.\n1\t0.81\tnan\t0.4\tnan\n", "data of the ablations");
    free(training);
    free(dose);
    free(long_table);
    free(bars);
}

static void test_whole(void)
{
    scp_report_settings s = settings();
    s.draw = true;
    scp_status st = make_on(world, &s, "run", "report");
    if (leader()) {
        tap_st(st, "a report of everything");
        char *page = read_file(below("report"), "index.html");
        if (page) {
            check_tables(page);
            check_comparisons(page);
            has(page, "<title>A &lt;title&gt; &amp; more</title>", "the title is escaped");
            has(page, FAKE_DRUG_HTML, "a drug's name is escaped");
            has_not(page, "<b>&", "and stands nowhere as markup");
            tap_ok(addresses(page) == 0, "nothing is loaded from anywhere");
            has(page, "@media print", "there is a style for print");
            has(page, "does not name its shard", "what is missing is said");
            has(page, "Training of stage ridge: 2 records", "a stage with a file of its own");
            has(page, "1 lines of metrics.jsonl", "lines that cannot be read are counted");
            check_drawn(page);
        }
        check_files("report");
        free(page);
    }
}

/* The enrichment of all ranks is that of one. */
static void test_ranks(void)
{
    if (!leader()) return;
    scp_report_settings s = settings();
    scp_comm *self = NULL;
    s.draw = false;
    tap_st(scp_comm_create_self(&self), "one rank alone");
    tap_st(make_on(self, &s, "run", "alone"), "makes the report");
    const char *a = below("report"), *b = below("alone");
    for (size_t i = 0; i < 2; i++) {
        const char *name = i ? "gsea_ud.tsv" : "gsea_uc.tsv";
        char *one = read_file(a, name), *other = read_file(b, name);
        tap_ok(one && other && strlen(one) > 1000 && strcmp(one, other) == 0,
               "%s is the same, byte for byte", name);
        free(one);
        free(other);
    }
    char *page = read_file(b, "index.html");
    has(page, "No picture", "without drawing the page says so");
    free(page);
    scp_comm_destroy(&self);
}

/* Cases of one rank: what is missing and what is damaged. */
static void expect(const char *run, const char *part, const char *what)
{
    scp_comm *self = NULL;
    scp_report_settings s = settings();
    s.draw = false;
    if (scp_comm_create_self(&self) != SCP_OK) return;
    tap_st(make_on(self, &s, run, "out"), "%s: a report", what);
    char *page = read_file(below("out"), "index.html");
    has(page, part, what);
    free(page);
    scp_comm_destroy(&self);
}

static void refuse(const char *run, scp_status want, const char *part, const char *what)
{
    scp_comm *self = NULL;
    scp_report_settings s = settings();
    s.draw = false;
    if (scp_comm_create_self(&self) != SCP_OK) return;
    tap_fails(make_on(self, &s, run, "out"), want, part, "%s", what);
    scp_comm_destroy(&self);
}

static scp_status put(const char *run, const char *name, const char *text)
{
    char path[SCP_PATH_MAX];
    SCP_TRY(scp_str_format(path, sizeof path, "%s/%s/%s", top, run, name));
    return scp_fs_write_text(path, text, strlen(text));
}

static void damage(const char *name, const char *text)
{
    tap_st(fake_run(below("bad")), "a run");
    tap_st(put("bad", name, text), "damaged in %s", name);
}

static void test_missing(void)
{
    tap_st(scp_fs_mkdirs(below("empty")), "an empty run folder");
    expect("empty", "run scppdm_eval --run", "an empty run: the page says what to run");
    tap_st(fake_run(below("no_ud")), "a run");
    tap_st(put("no_ud", "eval/summary.json",
               "{\"models\": {\"m\": {\"uc\": {\"metrics\": {\"ev\": {\"mean\": 1}}}}}}"),
           "that was not scored on unseen drugs");
    expect("no_ud", "has no scores of split ud", "a run without UD: said so");
    refuse("nowhere", SCP_ENOINPUT, "does not exist", "a folder that is not there");
}

static void test_damaged(void)
{
    damage("eval/uc/results.csv", "cell_line,drug,dose_uM,effect,effect_true\nA,\"b,1,2,3\n");
    refuse("bad", SCP_EDATA, "results.csv:2: a quote is opened",
           "an open quote is named with its line");
    damage("eval/uc/results.csv", "cell_line,drug,dose_uM,effect,effect_true\nA,b,1,2\n");
    refuse("bad", SCP_EDATA, "results.csv:2: 4 fields", "a short line too");
    damage("eval/uc/results.csv", "cell_line,drug,dose_uM,effect,effect_true\nA,b,much,2,3\n");
    refuse("bad", SCP_EDATA, "much", "and a dose that is no number");
    damage("eval/uc/results.csv", "cell_line,drug,dose_uM\nA,b,1\n");
    expect("bad", "has no columns effect", "results of another program: their curves are left out");
    damage("eval/summary.json", "{\"models\": ");
    refuse("bad", SCP_EDATA, "summary.json", "a summary that is cut");
    damage("eval/summary.json", "[1, 2]");
    refuse("bad", SCP_EDATA, "not a summary", "a summary of something else");
    tap_st(fake_run(below("bad")), "a run");
    tap_st(put("bad", "eval/ud/pred_scppdm.h5ad", "not HDF5"), "predictions that are no file");
    refuse("bad", SCP_EDATA, "pred_scppdm.h5ad", "are named");
}

/* gnuplot is not there: data and scripts are. */
static void test_without_gnuplot(void)
{
    scp_comm *self = NULL;
    scp_report_settings s = settings();
    char name[] = "no-such-gnuplot";
    s.draw = true;
    s.gnuplot = name;
    if (scp_comm_create_self(&self) != SCP_OK) return;
    tap_st(make_on(self, &s, "run", "plain"), "a report without gnuplot");
    char *page = read_file(below("plain"), "index.html"),
         *script = read_file(below("plain"), "violins_uc.gp");
    has(page, "apt-get install gnuplot-nox", "the page says what to install");
    has(script, "plot ", "the scripts are there");
    free(page);
    free(script);
    scp_comm_destroy(&self);
}

static scp_status prepare(void)
{
    SCP_TRY(fake_run(below("run")));
    return fake_sets(top);
}

int main(int argc, char **argv)
{
    if (scp_world_begin(&argc, &argv, &world) != SCP_OK) return 70;
    tap_set_silent(!leader());
    scp_status st = share_folder();
    if (st == SCP_OK) st = scp_fs_join(sets, sizeof sets, top, "sets.gmt");
    st = scp_agree(world, st == SCP_OK && leader() ? prepare() : st);
    if (tap_st(st, "a made-up run")) {
        test_whole();
        test_ranks();
        if (leader() && scp_comm_size(world) == 1) {
            test_missing();
            test_damaged();
            test_without_gnuplot();
        }
    }
    st = scp_world_end(&world);
    return st == SCP_OK ? tap_done() : 70;
}
