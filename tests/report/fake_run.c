/* A small run folder, see fake_run.h. */
#include "report/fake_run.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "base/rng.h"
#include "base/str.h"
#include "eval/pred_file.h"

enum { LINES = 2, DRUGS = 4, DOSES = 3, GENES = 60, TREATED = LINES * DRUGS * DOSES };

static const char *const line_name[] = { "A549", "it's 50% & <more>" };
static const char *const drug_name[] = { FAKE_DRUG, "aspirin", "a, comma", "caf\xc3\xa9ine" };
static const double dose[] = { 0.05, 0.5, 5 };
static char gene_name[GENES][8];
static char *gene[GENES];

static double noise(size_t i, size_t g, int stream)
{
    return scp_rng_u01(7, SCP_RNG_SYNTH, (uint64_t)stream, i, (uint32_t)g) - 0.5;
}

/* Effects grow with the dose; the prediction is the truth with noise. */
static float value(size_t row, size_t g, bool predicted)
{
    size_t line = row / (DRUGS * DOSES), drug = row / DOSES % DRUGS;
    double base = 1 + 2 * fabs(noise(line, g, 1)), effect = noise(drug, g, 2);
    double x =
        base + effect * (1 + (double)(row % DOSES)) + (predicted ? 0.3 * noise(row, g, 3) : 0);
    return (float)fmax(x, 0);
}

static void make_keys(scp_pred_key key[TREATED + LINES])
{
    for (size_t i = 0; i < TREATED; i++)
        key[i] = (scp_pred_key){ .line = line_name[i / (DRUGS * DOSES)],
                                 .drug = drug_name[i / DOSES % DRUGS],
                                 .plate = "p1",
                                 .dose = dose[i % DOSES] };
    for (size_t l = 0; l < LINES; l++)
        key[TREATED + l] = (scp_pred_key){ .line = line_name[l], .plate = "p1" };
    for (size_t g = 0; g < GENES; g++) {
        gene_name[g][0] = 'g';
        gene_name[g][1] = (char)('0' + g / 10);
        gene_name[g][2] = (char)('0' + g % 10);
        gene_name[g][3] = '%'; /* a format, where it is taken for one */
        gene[g] = gene_name[g];
    }
}

static scp_status write_profiles(const char *path, bool predicted)
{
    scp_pred_key key[TREATED + LINES];
    scp_pred_writer *w = NULL;
    float x[GENES];
    scp_status st = SCP_OK;
    make_keys(key);
    SCP_TRY(scp_pred_writer_create(path, gene, GENES, key, TREATED + LINES, NULL, &w));
    for (size_t i = 0; i < TREATED + LINES; i++) {
        for (size_t g = 0; g < GENES; g++)
            x[g] = i < TREATED ? value(i, g, predicted)
                               : (float)(1 + 2 * fabs(noise(i - TREATED, g, 1)));
        SCP_GOTO(fail, scp_pred_writer_add(w, x, 1));
    }
    return scp_pred_writer_commit(&w);
fail:
    scp_pred_writer_abort(&w);
    return st;
}

static scp_status write_results(const char *path)
{
    scp_pred_key key[TREATED + LINES];
    scp_strbuf b = { 0 };
    scp_status st = SCP_OK;
    make_keys(key);
    SCP_GOTO(done,
             scp_strbuf_addf(&b, "perturbation,cell_line,drug,dose_uM,plate,effect,effect_true\n"));
    for (size_t i = 0; i < TREATED; i++) {
        SCP_GOTO(done, scp_strbuf_addf(&b, "label,%s,\"", key[i].line));
        for (const char *c = key[i].drug; *c; c++)
            SCP_GOTO(done, scp_strbuf_addf(&b, *c == '"' ? "\"\"" : "%c", *c));
        SCP_GOTO(done, scp_strbuf_addf(&b, "\",%g,p1,%g,%g\n", key[i].dose, 1 + (double)(i % DOSES),
                                       1.2 + (double)(i % DOSES)));
    }
    st = scp_fs_write_text(path, b.text, b.len);
done:
    scp_strbuf_fini(&b);
    return st;
}

scp_status fake_split(const char *dir, const char *split)
{
    char path[SCP_PATH_MAX];
    SCP_TRY(scp_str_format(path, sizeof path, "%s/eval/%s", dir, split));
    SCP_TRY(scp_fs_mkdirs(path));
    SCP_TRY(scp_str_format(path, sizeof path, "%s/eval/%s/results.csv", dir, split));
    SCP_TRY(write_results(path));
    SCP_TRY(scp_str_format(path, sizeof path, "%s/eval/%s/real.h5ad", dir, split));
    SCP_TRY(write_profiles(path, false));
    SCP_TRY(scp_str_format(path, sizeof path, "%s/eval/%s/pred_scppdm.h5ad", dir, split));
    return write_profiles(path, true);
}

static scp_status put(const char *dir, const char *name, const char *text)
{
    char path[SCP_PATH_MAX];
    SCP_TRY(scp_str_format(path, sizeof path, "%s/%s", dir, name));
    return scp_fs_write_text(path, text, strlen(text));
}

#define SCORES(pearson, mse)                                                                       \
    "{\"conditions\": 24, \"metrics\": {\"logfc_pearson\": {\"mean\": " pearson                    \
    ", \"median\": " pearson ", \"mean_ci\": [0.1, 0.2], \"median_ci\": [0.3, 0.4], "              \
                             "\"of_within_well\": 0.75, \"best\": 1}, "                            \
    "\"ev\": {\"mean\": 0.5, \"median\": 0.6, \"best\": 1}, \"mse\": {\"mean\": " mse              \
    ", \"median\": " mse ", \"best\": 0}}, \"dose\": {\"groups\": 8, \"spearman\": 0.9}}"
#define MODEL(name, pearson, mse)                                                                  \
    "\"" name "\": {\"uc\": " SCORES(pearson, mse) ", \"ud\": " SCORES(pearson, mse) "}"

static const char summary[] =
    "{\"settings\": {\"pseudo\": 0.1, \"deg_k\": 200, \"genes\": 60}, \"models\": {" MODEL(
        "scppdm", "0.81",
        "0.2") ", " MODEL("rival <1>", "0.8104",
                          "0.4") ", " MODEL("third", "0.7",
                                            "0.1") ", " MODEL("within_well", "0.99",
                                                              "0.01") "}, \"significance\": "
                                                                      "{\"uc\": {\"fdr\": 0.05, "
                                                                      "\"share_of_deg\": {\"0.1\": "
                                                                      "{\"mean\": 0.84}}}}}";
static const char ablation[] = "{\"models\": {" MODEL("ablation-A", "0.4", "0.9") "}}";

static const char metrics[] =
    "{\"event\": \"start\", \"stage\": \"train\", \"resumed_from\": 0}\n"
    "{\"event\": \"step\", \"stage\": \"train\", \"step\": 10, \"loss\": 2, \"lr\": 0.1, "
    "\"grad_norm\": 1}\n"
    "{\"event\": \"step\", \"stage\": \"train\", \"step\": 20, \"loss\": 666, \"lr\": 0.1}\n"
    "{\"event\": \"start\", \"stage\": \"train\", \"resumed_from\": 10}\n"
    "{\"event\": \"step\", \"stage\": \"train\", \"step\": 20, \"loss\": 1, \"lr\": 0.05, "
    "\"grad_norm\": null}\n"
    "{\"event\": \"validate\", \"stage\": \"train\", \"step\": 20, \"score\": 0.5}\n"
    "{\"event\": \"step\", \"stage\": \"tr";

static const char comparisons[] =
    "split\tmodel_a\tmodel_b\tmetric\tn\tmean_a\tmean_b\tdifference\tlow\thigh\tp\tq\n"
    "uc\tscppdm\trival <1>\tlogfc_pearson\t24\t0.81\t0.8104\t-0.0004\t-0.02\t0.01\t0.5\t0.6\n"
    "uc\tscppdm\tthird\tlogfc_pearson\t24\t0.81\t0.7\t0.11\t0.05\t0.17\t0.001\t0.004\n"
    "uc\tscppdm\trival <1>\tmse\t24\t0.2\t0.4\t-0.2\t\t\t\t\n"
    "uc\tscppdm\tthird\tde_overlap_70\t24\t0.2\t0.1\t0.1\t0\t0.2\t0.2\t0.3\n";

scp_status fake_run(const char *dir)
{
    char path[SCP_PATH_MAX];
    SCP_TRY(scp_str_format(path, sizeof path, "%s/eval-ablation-A", dir));
    SCP_TRY(scp_fs_mkdirs(path));
    SCP_TRY(fake_split(dir, "uc"));
    SCP_TRY(fake_split(dir, "ud"));
    SCP_TRY(put(dir, "eval/summary.json", summary));
    SCP_TRY(put(dir, "eval/comparisons.tsv", comparisons));
    SCP_TRY(put(dir, "eval-ablation-A/summary.json", ablation));
    SCP_TRY(put(dir, "metrics-ridge.jsonl",
                "{\"event\": \"step\", \"stage\": \"ridge\", \"step\": 1, \"loss\": 3}\n"
                "{\"event\": \"step\", \"stage\": \"ridge\", \"step\": 2, \"loss\": 2}\n"));
    return put(dir, "metrics.jsonl", metrics);
}

scp_status fake_sets(const char *dir)
{
    scp_strbuf b = { 0 };
    scp_status st = SCP_OK;
    for (size_t s = 0; s < 6 && st == SCP_OK; s++) {
        st = scp_strbuf_addf(&b, "SET_%zu\tmade up", s);
        for (size_t g = s; g < GENES && st == SCP_OK; g += 3 + s)
            st = scp_strbuf_addf(&b, "\tg%zu%zu%%", g / 10, g % 10);
        if (st == SCP_OK) st = scp_strbuf_addf(&b, "\n");
    }
    if (st == SCP_OK) st = put(dir, "sets.gmt", b.text);
    scp_strbuf_fini(&b);
    return st;
}
