/* The lists of op cases. */
#include "ops/cases.h"

const scp_op_case *const scp_case_lists[] = {
    scp_cases_linear,
    NULL,
};
