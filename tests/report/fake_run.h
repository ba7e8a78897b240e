/* A small run folder as scppdm_train, scppdm_eval and scppdm_ablate would leave it, for the tests
 * of the report: 2 cell lines, 4 drugs (one with an unfriendly name) at 3 doses, 60 genes. */
#ifndef SCP_TESTS_REPORT_FAKE_RUN_H
#define SCP_TESTS_REPORT_FAKE_RUN_H

#include "base/status.h"

/* Every character that means something to HTML, gnuplot, a shell or TSV. */
#define FAKE_DRUG "<b>&\"'`$(x) {y}_z^2\\n%s@"
#define FAKE_DRUG_HTML "&lt;b&gt;&amp;&quot;&#39;`$(x) {y}_z^2\\n%s@"

/** Make dir, with everything of splits uc and ud. */
scp_status fake_run(const char *dir) SCP_MUST_USE;
/** <dir>/eval/<split>: results.csv, real.h5ad, pred_scppdm.h5ad. */
scp_status fake_split(const char *dir, const char *split) SCP_MUST_USE;
/** Gene sets of the run's genes: <dir>/sets.gmt. */
scp_status fake_sets(const char *dir) SCP_MUST_USE;

#endif
