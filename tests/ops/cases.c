/* The lists of op cases. */
#include "ops/cases.h"

const scp_op_case *const scp_case_lists[] = {
    scp_cases_linear,
    scp_cases_elementwise,
    scp_cases_layout,
    scp_cases_norm,
    scp_cases_attn,
    scp_cases_film,
    scp_cases_diffuse,
    scp_cases_loss,
    scp_cases_group,
    NULL,
};
