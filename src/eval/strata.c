/* Means by cell line and dose level: where a model is good. */
#include <math.h>
#include <stdlib.h>

#include "base/fs.h"
#include "base/mem.h"
#include "eval/score_files.h"
#include "model/dose_level.h"

/* Conditions of a line and level: keep [n]. Returns how many there are. */
static size_t select_stratum(const scp_scores *s, const scp_dose_levels *levels, int32_t line,
                             int32_t level, uint8_t *keep)
{
    size_t n = 0;
    for (size_t i = 0; i < s->n; i++) {
        keep[i] = s->line[i] == line && levels->level[s->row[i]] == level;
        n += keep[i];
    }
    return n;
}

static scp_status add_stratum(scp_strbuf *b, const scp_scores *s, const uint8_t *keep,
                              const char *line, int32_t level, size_t n)
{
    scp_reduction r[SCP_METRIC_MAX];
    char number[SCP_REAL_TEXT];
    SCP_TRY(scp_scores_reduce(s, keep, r));
    SCP_TRY(scp_strbuf_addf(b, "%s\t%s\t%s\t%d\t%zu", s->model, s->split, line, (int)level, n));
    for (size_t c = 0; c < s->cols.n; c++)
        SCP_TRY(scp_strbuf_addf(b, "\t%s", scp_print_real(r[c].mean, number)));
    return scp_strbuf_addn(b, "\n", 1);
}

static scp_status add_scores(scp_strbuf *b, const scp_scores *s, const scp_dataset *d,
                             const scp_dose_levels *levels)
{
    uint8_t *keep = NULL;
    scp_status st = SCP_OK;
    SCP_TRY(scp_alloc(s->n, sizeof *keep, &keep));
    for (size_t line = 0; line < d->n_lines; line++)
        for (size_t level = 0; level < levels->n; level++) {
            size_t n = select_stratum(s, levels, (int32_t)line, (int32_t)level, keep);
            if (n) SCP_GOTO(done, add_stratum(b, s, keep, d->line[line], (int32_t)level, n));
        }
done:
    free(keep);
    return st;
}

scp_status scp_scores_write_strata(const scp_scores *s, size_t n, const scp_dataset *d,
                                   const char *path)
{
    SCP_ARG(s && n && d && path, "scores, data set and path are required");
    scp_strbuf b = { 0 };
    scp_dose_levels levels = { 0 };
    scp_status st = SCP_OK;
    SCP_GOTO(done, scp_dose_levels_init(d, &levels));
    SCP_GOTO(done, scp_strbuf_addf(&b, "model\tsplit\tcell_line\tdose_level\tn"));
    for (size_t c = 0; c < s->cols.n; c++)
        SCP_GOTO(done, scp_strbuf_addf(&b, "\t%s", s->cols.col[c].name));
    SCP_GOTO(done, scp_strbuf_addn(&b, "\n", 1));
    for (size_t m = 0; m < n; m++) SCP_GOTO(done, add_scores(&b, &s[m], d, &levels));
    SCP_GOTO(done, scp_fs_write_text(path, b.text, b.len));
done:
    scp_dose_levels_fini(&levels);
    scp_strbuf_fini(&b);
    return st;
}
