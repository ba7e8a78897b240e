/* A program over src/app for tests/cli/app.sh: every type of setting, and failures on request. */
#include <math.h>
#include <stdio.h>

#include "app/app.h"

typedef struct settings {
    bool fresh;
    int64_t steps;
    double rate;
    char *out;
    int fail;
    int64_t fail_rank;
    scp_real_list sweep;
    scp_text_list genes;
} settings;

enum { FAIL_NONE, FAIL_ALL, FAIL_AGREED, FAIL_ALONE };

static const scp_option train_rows[] = {
    { .key = "train.steps",
      .alias = "steps",
      .type = SCP_OPT_INT,
      .offset = offsetof(settings, steps),
      .def = "100",
      .min = 1,
      .max = 1e6,
      .unit = "steps",
      .help = "Length of training.",
      .source = "paper App. D" },
    { .key = "train.rate",
      .type = SCP_OPT_REAL,
      .offset = offsetof(settings, rate),
      .def = "1e-4",
      .min = 0,
      .max = INFINITY,
      .help = "Learning rate." },
    { .key = "train.fresh",
      .alias = "fresh",
      .type = SCP_OPT_BOOL,
      .offset = offsetof(settings, fresh),
      .def = "false",
      .help = "Forget what an earlier run left." },
    { 0 },
};
static const scp_option other_rows[] = {
    { .key = "out",
      .type = SCP_OPT_TEXT,
      .offset = offsetof(settings, out),
      .help = "Run folder." },
    { .key = "fail",
      .type = SCP_OPT_ENUM,
      .offset = offsetof(settings, fail),
      .def = "none",
      .choices = "none|all|agreed|alone",
      .help = "Fail on all ranks, on one that agrees, or on one." },
    { .key = "fail_rank",
      .type = SCP_OPT_INT,
      .offset = offsetof(settings, fail_rank),
      .def = "1",
      .help = "The rank that fails." },
    { .key = "sweep",
      .type = SCP_OPT_REALS,
      .offset = offsetof(settings, sweep),
      .def = "0.5,1",
      .help = "Values to go through." },
    { .key = "genes",
      .type = SCP_OPT_TEXTS,
      .offset = offsetof(settings, genes),
      .help = "Gene names." },
    { 0 },
};
static const scp_option_group groups[] = {
    { train_rows, 0, "Training" },
    { other_rows, 0, "Other" },
    { 0 },
};

static scp_status run(scp_comm *comm, const settings *s, const scp_text_list *args)
{
    scp_status st = SCP_OK;
    bool mine = scp_comm_rank(comm) == s->fail_rank;
    if (s->fail == FAIL_ALL) SCP_FAIL(SCP_EDATA, "plate1.h5ad: row 7 is negative");
    if (s->fail == FAIL_AGREED || s->fail == FAIL_ALONE) {
        if (mine)
            st = scp_err_raise(SCP_ENOINPUT, __FILE__, __LINE__, NULL, "cannot open plate2.h5ad");
        if (s->fail == FAIL_ALONE && mine) return st;
        SCP_TRY(scp_agree(comm, st)); /* FAIL_ALONE: the others wait here for ever */
    }
    if (scp_comm_rank(comm) == 0) {
        printf("ranks %d steps %lld\n", scp_comm_size(comm), (long long)s->steps);
        for (size_t i = 0; i < args->n; i++) printf("arg %s\n", args->v[i]);
    }
    return SCP_OK;
}

int main(int argc, char **argv)
{
    settings s = { 0 };
    scp_app app = { .name = "app_prog",
                    .brief = "try the common part of programs",
                    .description = "It does nothing of use.\n\nIt only shows options.",
                    .groups = groups,
                    .settings = &s,
                    .operands = "PLATE.h5ad..." };
    if (scp_app_begin(&app, &argc, &argv) == SCP_APP_RUN) app.status = run(app.comm, &s, &app.args);
    return scp_app_end(&app);
}
