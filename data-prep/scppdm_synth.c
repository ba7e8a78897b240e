/* scppdm_synth OUTDIR: a synthetic drug screen with known truth, in the layout of Tahoe-100M's
 * plates. */
#include "app/app.h"
#include "app/opt_synth.h"

static const scp_option_group groups[] = { { scp_synth_options, 0, "Screen" }, { 0 } };

static const char description[] =
    "Writes plateN.h5ad in the exact layout of Tahoe-100M's plates, tables of the design with the "
    "columns of the atlas's own (drugs.tsv for scppdm_prep), and truth.h5 with every log fold change "
    "and coefficient that made the counts. The preset keys writes means of keys instead of cells. The "
    "files depend on the settings alone, not on the number of ranks, which share the work.\n\n"
    "The design is invented, or with --samples and --grid that of the atlas, by its published tables. "
    "The achieved statistics are printed beside those of the real atlas.";

int main(int argc, char **argv)
{
    scp_synth_config c = { 0 };
    scp_app app = { .name = "scppdm_synth",
                    .brief = "write synthetic plates with known truth",
                    .description = description,
                    .groups = groups,
                    .settings = &c,
                    .operands = "OUTDIR" };
    if (scp_app_begin(&app, &argc, &argv) == SCP_APP_RUN)
        app.status = scp_synth_program(app.comm, &c, &app.args, SCP_DRUG_TABLES);
    return scp_app_end(&app);
}
