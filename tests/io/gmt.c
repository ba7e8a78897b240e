/* Gene sets: what is read, what is refused with file and line, the real Hallmark collection. */
#include "io/gmt.h"

#include <string.h>

#include "tap.h"

static void refused(const char *text, const char *part, const char *what)
{
    scp_gmt *g = NULL;
    tap_fails(scp_gmt_parse(text, strlen(text), "s.gmt", &g), SCP_EDATA, part, "%s", what);
    tap_ok(!g, "and nothing is returned");
}

static void reading(void)
{
    static const char text[] = "\xef\xbb\xbfUP\thttp://a\tTP53\tMYC \t\tTP53\tKRAS\r\n"
                               "\n"
                               "DOWN\t\tMYC";
    scp_gmt *g = NULL;
    scp_gene_set s;
    if (!tap_st(scp_gmt_parse(text, sizeof text - 1, "s.gmt", &g), "two sets")) return;
    tap_ok(scp_gmt_count(g) == 2, "an empty line is none");
    s = scp_gmt_set(g, 0);
    tap_text(s.name, "UP", "the byte order mark is not part of the name");
    tap_text(s.description, "http://a", "description");
    tap_ok(s.n == 3 && strcmp(s.gene[0], "TP53") == 0 && strcmp(s.gene[1], "MYC") == 0 &&
               strcmp(s.gene[2], "KRAS") == 0,
           "genes in order, trimmed, each once, none of them empty");
    tap_ok(scp_gmt_find(g, "DOWN", &s) && s.n == 1 && *s.description == '\0' &&
               strcmp(s.gene[0], "MYC") == 0,
           "a set by name, without a description");
    tap_ok(!scp_gmt_find(g, "DOW", &s) && !scp_gmt_find(g, "down", &s), "names are whole names");
    scp_gmt_destroy(&g);
    scp_gmt_destroy(&g);
    refused("", "no gene set", "an empty file");
    refused("\n \n", "no gene set", "a file of blanks");
    refused("A\td\tX\nB\td\n", "s.gmt:2: no gene set", "a line without genes");
    refused("A\n", "s.gmt:1", "a name alone");
    refused("A\td\t \t\n", "s.gmt:1: gene set A has no gene", "only blanks for genes");
    refused(" \td\tX\n", "s.gmt:1: a gene set without a name", "no name");
    refused("A\td\tX\n\nA\td\tY\n", "s.gmt:3: gene set A is there twice", "one name twice");
    refused("A\td\tX\nB\td\t\xff\n", "s.gmt:2: byte 0xff", "not UTF-8");
    tap_fails(scp_gmt_parse("A\td\0\tX", 6, "s.gmt", &g), SCP_EDATA, "0x00", "a NUL byte");
    tap_fails(scp_gmt_read("/nonexistent.gmt", &g), SCP_ENOINPUT, "/nonexistent.gmt", "no file");
}

/* MSigDB Hallmark 7.0: 50 sets; sizes from its table. */
static void hallmark(void)
{
    const char *path = tap_data("genesets/h.all.v7.0.symbols.gmt");
    scp_gmt *g = NULL;
    scp_gene_set kras, pi3k;
    if (!path) {
        tap_skip("no ../shared/data", "the Hallmark collection");
        return;
    }
    if (!tap_st(scp_gmt_read(path, &g), "read the Hallmark collection")) return;
    tap_ok(scp_gmt_count(g) == 50, "50 sets");
    tap_ok(scp_gmt_find(g, "HALLMARK_KRAS_SIGNALING_UP", &kras) && kras.n == 200 &&
               scp_gmt_find(g, "HALLMARK_PI3K_AKT_MTOR_SIGNALING", &pi3k) && pi3k.n == 105,
           "of 200 and 105 genes, say");
    scp_gmt_destroy(&g);
}

int main(void)
{
    reading();
    hallmark();
    return tap_done();
}
