/* Gene sets as drug programmes: whose members the programmes act on, by how much, that small panels
 * keep them, and that the truth names them. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "base/mem.h"
#include "base/str.h"
#include "data/synth_write.h"
#include "io/array_file.h"
#include "io/gmt.h"
#include "tap.h"

enum { SETS = 14, SIZE = 12 };

static char table[SCP_PATH_MAX], sets[SCP_PATH_MAX];

static scp_synth_config settings(void)
{
    scp_synth_config c;
    scp_synth_config_init(&c);
    c.table = table;
    c.gene_sets = sets;
    return c;
}

/* 14 sets of 12 genes; every set shares its last gene with the next; one holds FOS, which is a gene
 * of the stress axis; the sixth is one of the paper. */
static bool write_sets(void)
{
    scp_strbuf text = { 0 };
    scp_status st = SCP_OK;
    for (int s = 0; s < SETS && st == SCP_OK; s++) {
        st = s == 5 ? scp_strbuf_addf(&text, "INVENTED_KRAS_SIGNALING_UP\t-")
                    : scp_strbuf_addf(&text, "SET_%d\tinvented", s);
        for (int i = 0; i < SIZE && st == SCP_OK; i++)
            st = s == 2 && i == 3 ? scp_strbuf_addf(&text, "\tFOS")
                                  : scp_strbuf_addf(&text, "\tMEMBER%d", s * (SIZE - 1) + i);
        if (st == SCP_OK) st = scp_strbuf_addf(&text, "\n");
    }
    if (st == SCP_OK) st = scp_fs_write_text(sets, text.text, text.len);
    scp_strbuf_fini(&text);
    return tap_st(st, "invented sets");
}

/* Is the gene of the panel a member of the set of programme p, by the file? */
static bool in_file(const scp_gmt *g, const char *set, const char *gene)
{
    scp_gene_set s;
    if (!scp_gmt_find(g, set, &s)) return false;
    for (size_t i = 0; i < s.n; i++)
        if (strcmp(s.gene[i], gene) == 0) return true;
    return false;
}

static void check_loadings(const scp_synth_design *d, const scp_gmt *g)
{
    size_t wrong = 0, members = 0, named = 0;
    double sum = 0.0, square = 0.0;
    for (size_t p = 0; p < SCP_SYNTH_P; p++)
        for (size_t k = 0; k < d->G; k++) {
            bool is = in_file(g, d->set[p], d->gene[k]);
            double v = (double)d->V[p * d->G + k];
            wrong += is != (d->gene_sets[k] >> p & 1) || is != (v != 0.0);
            members += is;
            sum += v;
            square += v * v;
        }
    for (size_t p = 0; p < SCP_SYNTH_P; p++) {
        scp_gene_set s;
        if (scp_gmt_find(g, d->set[p], &s)) named += s.n;
    }
    double mean = sum / (double)members, sd = sqrt(square / (double)members - mean * mean);
    tap_ok(wrong == 0, "programmes act on the members of their sets and on nothing else");
    tap_ok(members == named, "the panel holds all %zu members", named);
    tap_ok(fabs(mean - 0.6) < 4.5 * 0.5 / sqrt((double)members) &&
               fabs(sd - 0.5) < 4.5 * 0.5 / sqrt(2.0 * (double)members),
           "loadings of N(0.6, 0.5): %.3f, %.3f", mean, sd);
}

static void test_invented(void)
{
    scp_synth_config c = settings();
    scp_synth_design *d = NULL;
    scp_gmt *g = NULL;
    if (!tap_st(scp_gmt_read(sets, &g), "read the sets") ||
        !tap_st(scp_synth_design_create(&c, &d), "a plan with gene sets"))
        exit(1);
    tap_text(d->set[0], "INVENTED_KRAS_SIGNALING_UP", "the set of the paper comes first");
    tap_ok(strcmp(d->set[1], "SET_0") == 0 && strcmp(d->set[11], "SET_11") == 0,
           "then the others in their order");
    check_loadings(d, g);
    size_t fos = 0;
    while (fos < d->G && strcmp(d->gene[fos], "FOS") != 0) fos++;
    tap_ok(fos < d->G && d->X[3 * d->G + fos] != 0.0f && d->gene_sets[fos] != 0,
           "a gene may be on a well axis and in a set");
    float *up = malloc(d->G * sizeof *up);
    double e = d->drug[0].e[1] + d->pair[0].own[1], wrong = 0;
    scp_synth_lfc(d, 0, 0, 2, up);
    for (size_t k = 0; k < d->G; k++) /* the sign of the effect is that of the set's genes */
        if (d->gene_sets[k] == 1u << 1) wrong += (up[k] > 0) != (e * d->V[d->G + k] > 0);
    tap_ok(wrong == 0, "the sign of an effect makes its set go up or down");
    free(up);
    scp_gmt_destroy(&g);
    scp_synth_design_destroy(&d);
}

/* What a perfect enrichment analysis would find: in keys that are strong enough, the members of a
 * set rise against the other genes where the drug's effect on it is positive, and fall where it is
 * negative, plate, well, ambient counts and all. */
static void test_signs(void)
{
    scp_synth_config c = settings();
    scp_synth_design *d = NULL;
    scp_synth_sampler *s = NULL;
    size_t strong = 0, right = 0;
    if (!tap_st(scp_synth_design_create(&c, &d), "a plan") ||
        !tap_st(scp_synth_sampler_create(d, &s), "a sampler"))
        exit(1);
    size_t G = d->G, line = 1;
    float *vehicle = malloc(G * sizeof *vehicle);
    scp_synth_sampler_well(s, 1, 94);
    memcpy(vehicle, scp_synth_sampler_rates(s, line), G * sizeof *vehicle);
    for (size_t w = 0; w < 94; w++) {
        const scp_synth_well *well = &d->plate[1].well[w];
        if (well->drug < 0) continue;
        double m = scp_synth_magnitude(d, line, (size_t)well->drug, well->dose);
        scp_synth_sampler_well(s, 1, w);
        const float *treated = scp_synth_sampler_rates(s, line);
        for (size_t p = 0; p < SCP_SYNTH_P; p++) {
            double e =
                m * (d->drug[well->drug].e[p] + d->pair[line * d->D + (size_t)well->drug].own[p]);
            double in = 0.0, out = 0.0, n = 0.0;
            for (size_t g = 0; g < G; g++) {
                double change = log((double)treated[g] / (double)vehicle[g]);
                bool member = d->gene_sets[g] >> p & 1;
                n += member;
                *(member ? &in : &out) += change;
            }
            if (fabs(e) < 0.3) continue;
            strong++;
            right += (in / n > out / ((double)G - n)) == (e > 0.0);
        }
    }
    tap_ok(strong >= 20 && right == strong, "%zu of %zu strong effects move their set their way",
           right, strong);
    free(vehicle);
    scp_synth_sampler_destroy(&s);
    scp_synth_design_destroy(&d);
}

static void test_truth(void)
{
    scp_synth_config c = settings();
    scp_synth_design *d = NULL;
    scp_array_file *f = NULL;
    char path[SCP_PATH_MAX], **name = NULL;
    int32_t *member = NULL;
    size_t n = 0, dims[3] = { 0 }, wrong = 0;
    snprintf(path, sizeof path, "%s/truth.h5", tap_tmpdir());
    if (tap_st(scp_synth_design_create(&c, &d), "a plan") &&
        tap_st(scp_synth_write_truth(d, path), "its truth") &&
        tap_st(scp_array_file_open(path, &f), "open it") &&
        tap_st(scp_array_file_get_texts(f, "set/name", &name, &n), "names of the sets") &&
        tap_st(scp_array_file_get(f, "set/member", SCP_ARRAY_I32, dims, (void **)&member),
               "members")) {
        for (size_t p = 0; p < n; p++) wrong += strcmp(name[p], d->set[p]) != 0;
        for (size_t i = 0; i < SCP_SYNTH_P * d->G; i++) wrong += member[i] != (d->V[i] != 0.0f);
        tap_ok(n == SCP_SYNTH_P && dims[0] == n && dims[1] == d->G && wrong == 0,
               "as the plan has them");
    }
    scp_fs_list_free(name, n);
    free(member);
    scp_array_file_close(&f);
    scp_synth_design_destroy(&d);
}

static void test_refusals(void)
{
    scp_synth_config c = settings();
    scp_synth_design *d = NULL;
    c.genes = 150;
    tap_fails(scp_synth_design_create(&c, &d), SCP_EUSAGE, "178 or more",
              "a panel too small for the members");
    c = settings();
    if (!tap_st(scp_fs_write_text(sets, "A\t-\tB\nC\t-\tD\n", 12), "two sets")) return;
    tap_fails(scp_synth_design_create(&c, &d), SCP_EDATA, "2 gene sets",
              "fewer sets than programmes");
    c.gene_sets = "/nonexistent.gmt";
    tap_fails(scp_synth_design_create(&c, &d), SCP_ENOINPUT, "/nonexistent.gmt", "no such file");
}

/* The Hallmark collection with the genes of the atlas: the two sets of the paper, nearly whole. */
static void test_hallmark(void)
{
    scp_synth_config c = settings();
    scp_synth_design *d = NULL;
    char *gmt = NULL, *genes = NULL;
    const char *path = tap_data("genesets/h.all.v7.0.symbols.gmt");
    if (path && scp_strdup(path, &gmt) != SCP_OK) exit(1);
    path = tap_data("tahoe/genes.tsv.gz");
    if (path && scp_strdup(path, &genes) != SCP_OK) exit(1);
    if (!gmt || !genes) {
        tap_skip("no ../shared/data", "the Hallmark sets");
    } else {
        size_t kras = 0, pi3k = 0, silent = 0;
        c.gene_sets = gmt;
        c.genes_table = genes;
        c.preset = SCP_SYNTH_SMALL;
        if (tap_st(scp_synth_design_create(&c, &d), "2,000 genes with Hallmark sets")) {
            for (size_t g = 0; g < d->G; g++) {
                kras += d->gene_sets[g] & 1;
                pi3k += d->gene_sets[g] >> 1 & 1;
                silent += !isfinite(d->base[g]);
            }
            tap_text(d->set[0], "HALLMARK_KRAS_SIGNALING_UP", "first set");
            tap_text(d->set[1], "HALLMARK_PI3K_AKT_MTOR_SIGNALING", "second set");
            tap_ok(kras >= 190 && kras <= 200 && pi3k >= 100 && pi3k <= 105,
                   "%zu of 200 and %zu of 105 members have a name in the gene table", kras, pi3k);
            tap_ok(silent == 0, "all of the panel is expressed");
        }
        scp_synth_design_destroy(&d);
    }
    free(gmt);
    free(genes);
}

int main(void)
{
    const char *top = getenv("top_srcdir");
    snprintf(table, sizeof table, "%s/data-prep/drugs/drugs.tsv", top ? top : ".");
    snprintf(sets, sizeof sets, "%s/sets.gmt", tap_tmpdir());
    if (write_sets()) {
        test_invented();
        test_signs();
        test_truth();
        test_refusals();
    }
    test_hallmark();
    return tap_done();
}
