/* A graph with its own device, parameters and plan, for tests of single ops that look at values. */
#ifndef SCP_TESTS_OPS_SMALL_RUN_H
#define SCP_TESTS_OPS_SMALL_RUN_H

#include "tensor/plan.h"

typedef struct small_run {
    scp_status st; /* of small_begin; returned by small_plan */
    scp_device *dev;
    scp_params *params;
    scp_graph *g;
    scp_plan *plan;
    scp_step step; /* seed 11, step 3, row 0; tests may change it */
} small_run;

/** An empty graph on a device. */
void small_begin(small_run *r, const char *device);
void small_end(small_run *r);

/** The scalar <w, y>, w an input called `name` of as many elements as y. */
scp_node *small_dot(small_run *r, scp_node *y, const char *name);

/** Plan for a loss (NULL: forward only) and ranks (NULL: alone). */
scp_status small_plan(small_run *r, scp_node *loss, scp_comm *comm) SCP_MUST_USE;

/** Set a parameter, or feed an input, by name; both must have n elements. */
scp_status small_set_param(small_run *r, const char *name, const double *values,
                           size_t n) SCP_MUST_USE;
scp_status small_feed(small_run *r, const char *name, const double *values) SCP_MUST_USE;

scp_status small_forward(small_run *r, bool train) SCP_MUST_USE;

#endif
