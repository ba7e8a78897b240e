/* Options of scppdm_report and what it does, see opt_report.h. */
#include "app/opt_report.h"

#include "app/app.h"

#define AT(member) offsetof(scp_report_settings, member)

static const scp_option files[] = {
    { .key = "report.output",
      .alias = "output",
      .type = SCP_OPT_TEXT,
      .offset = AT(output),
      .help = "Folder of the report; the default is RUN/report of the first run." },
    { .key = "report.title",
      .alias = "title",
      .type = SCP_OPT_TEXT,
      .offset = AT(title),
      .def = "Drug response prediction",
      .help = "Heading of the page." },
    { .key = "report.model",
      .alias = "model",
      .type = SCP_OPT_TEXT,
      .offset = AT(model),
      .help = "Model whose predicted profiles are shown; the default is scppdm, or else the first "
              "of which the run folder has predictions." },
    { .key = "report.splits",
      .alias = "splits",
      .type = SCP_OPT_TEXTS,
      .offset = AT(splits),
      .def = "uc,ud",
      .help = "Sets of conditions to show, as scppdm_eval scored them." },
    { .key = "report.gene_sets",
      .alias = "gene-sets",
      .type = SCP_OPT_TEXT,
      .offset = AT(gene_sets),
      .help = "GMT file of gene sets, e.g. MSigDB Hallmark; without it there is no enrichment." },
    { .key = "report.shard",
      .alias = "shard",
      .type = SCP_OPT_TEXT,
      .offset = AT(shard),
      .help = "Shard with the mechanisms of the drugs; the default is the one that the run folder "
              "was made with." },
    { .key = "report.device",
      .alias = "device",
      .type = SCP_OPT_TEXT,
      .offset = AT(device),
      .def = "cpu",
      .help = "Device that computes the embedding of the drugs: auto, cpu, cuda[:N]." },
    { .key = NULL },
};

static const scp_option choices[] = {
    { .key = "report.statistic",
      .alias = "statistic",
      .type = SCP_OPT_ENUM,
      .offset = AT(statistic),
      .def = "median",
      .choices = "median|mean",
      .help = "Figure of the score tables, over conditions.",
      .source = "paper App. C.7" },
    { .key = "report.lines",
      .alias = "lines",
      .type = SCP_OPT_TEXTS,
      .offset = AT(lines),
      .help = "Cell lines of the violin figures; the default is the three with most conditions." },
    { .key = "report.line_unit",
      .alias = "line-unit",
      .type = SCP_OPT_TEXT,
      .offset = AT(line_unit),
      .help = "Text after the names of cell lines in figures, where they stand for another "
              "context: \"h\" for hours of exposure." },
    { .key = "report.violin_genes",
      .type = SCP_OPT_INT,
      .offset = AT(violin_genes),
      .def = "8",
      .min = 1,
      .max = 24,
      .unit = "genes",
      .help = "Genes of a violin figure: those of largest mean true |logFC| in the line." },
    { .key = "report.dose_curves",
      .type = SCP_OPT_INT,
      .offset = AT(dose_curves),
      .def = "6",
      .min = 1,
      .max = 12,
      .help = "Pairs of a cell line and a drug whose dose-response is drawn." },
    { .key = "report.show_sets",
      .alias = "show-sets",
      .type = SCP_OPT_TEXTS,
      .offset = AT(show_sets),
      .help = "Gene sets whose running sums are drawn; the default is the two strongest ones of "
              "the condition that is shown." },
    { .key = "report.gnuplot",
      .alias = "gnuplot",
      .type = SCP_OPT_TEXT,
      .offset = AT(gnuplot),
      .def = "gnuplot",
      .help = "Program that draws the figures (Debian: apt-get install "
              "gnuplot-nox)." },
    { .key = "report.draw",
      .alias = "draw",
      .type = SCP_OPT_BOOL,
      .offset = AT(draw),
      .def = "true",
      .help = "Draw the figures; --no-draw writes their data and scripts only." },
    { .key = NULL },
};

const scp_option_group scp_report_options[] = {
    { .rows = files, .title = "Input and output" },
    { .rows = choices, .title = "Choices" },
    { .rows = scp_gsea_options, .base = AT(gsea), .title = "Gene set enrichment" },
    { .rows = scp_moa_options, .base = AT(moa), .title = "Mechanisms of the drugs" },
    { .rows = scp_umap_options, .base = AT(umap), .title = "UMAP" },
    { .rows = NULL },
};

const char scp_report_description[] =
    "Reads what scppdm_train, scppdm_eval and scppdm_ablate left in the run folders and writes one "
    "HTML page that needs nothing beside it: score tables with the best model bold and the second "
    "underlined, UMAP of the predictions by cell line and of the drugs by mechanism, violins of "
    "predicted and true logFC, ablations, enrichment of gene sets, dose-response and loss "
    "curves.\n\n"
    "The files behind the page lie next to it: tables and data of the figures as .tsv, the figures "
    "as gnuplot scripts (.gp) and .svg. A figure can be changed and drawn again with \"gnuplot "
    "NAME.gp\" in that folder. What a run does not have is left out, and the page says so.\n\n"
    "Profiles are read row by row: a rank needs some 130 rows of the genes (32 of each file as "
    "they are stored, 64 controls), the keys of the conditions and 40 bytes a condition and gene "
    "set twice, rank 0 also the points of a UMAP (at most umap.points, of 1,024 numbers each "
    "where there are 2,048 genes or more). At 62,710 genes the rows and the points are about 100 MiB whatever the "
    "number of conditions.";

scp_status scp_report_program(scp_comm *comm, const scp_report_settings *s,
                              const scp_text_list *runs)
{
    char page[SCP_PATH_MAX];
    if (!runs->n) SCP_FAIL(SCP_EUSAGE, "name one or more run folders");
    SCP_TRY(scp_report_make(comm, s, runs->v, runs->n, page, sizeof page));
    if (scp_comm_rank(comm) == 0) scp_app_result(page);
    return SCP_OK;
}
