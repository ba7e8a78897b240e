/* A regression small enough for any test of training steps, with everything that changes from step
 * to step: rows, noise, dropout, a weight of the loss, the learning rate. It takes STEPS steps by
 * the stepper, or by a loop written out. */
#ifndef SCP_TESTS_TRAIN_SMALL_NET_H
#define SCP_TESTS_TRAIN_SMALL_NET_H

#include "dev/deferred.h"
#include "train/stepper.h"

enum { NET_N = 40, NET_D = 12, NET_OUT = 3, NET_BATCH = 8, NET_STEPS = 19, NET_SEED = 7 };

typedef struct net {
    deferred *later;
    scp_device *dev, *own;
    scp_comm *comm, *special;
    scp_params *params;
    scp_graph *g;
    scp_plan *plan;
    scp_node *x, *y, *rows, *weight, *loss;
    void *x_memory, *y_memory;
    scp_train_config cfg;
    int64_t bad_from, bad_to; /* steps whose loss is not finite */
    int bad_rank;             /* on this rank alone; -1: on all */
} net;

/** Build on a device by name, or on a deferred one that prefers `order` (NULL). comm is borrowed;
 *  `choose` takes the communicator that suits the device. net_stop also after an error. */
scp_status net_start(net *t, const char *device, deferred_order order, scp_comm *comm, bool choose,
                     scp_dtype store) SCP_MUST_USE;
void net_stop(net *t);

/* Weights, first and second moments and average, one behind the other. */
typedef struct net_weights {
    double *v; /* free */
    size_t n;
} net_weights;

/** SCP_EINTERNAL when something stands in a gap between two parameters. */
scp_status net_take(const net *t, net_weights *w) SCP_MUST_USE;
/** Largest difference; infinity when they are not of one size. */
double net_distance(const net_weights *a, const net_weights *b);

/** The loop written out, one call at a time, on a device of the host. Collective. */
scp_status net_by_hand(net *t, net_weights *w) SCP_MUST_USE;

typedef struct net_how {
    int64_t stride;    /* steps at once */
    bool direct;       /* not recorded  */
    double loss_scale; /* 0: a fresh run's */
} net_how;

/** The same steps by scp_stepper. Collective. */
scp_status net_by_stepper(net *t, const net_how *h, net_weights *w, scp_step_state *state,
                          int64_t *replayed) SCP_MUST_USE;

#endif
