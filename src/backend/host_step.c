/* The ends of a training step on the backends that live in host memory, see tensor/step.h: the same
 * order of events as on a GPU, with the backend's own optimiser. */
#include <math.h>
#include <string.h>

#include "backend/host.h"
#include "tensor/half.h"
#include "tensor/optim.h"
#include "tensor/step.h"

static scp_status load(scp_device *dev, const scp_step_ring *r)
{
    scp_step_state *s = r->state;
    const char *record = (const char *)r->records +
                         (size_t)(s->next++ % r->slots) * scp_step_record_bytes(r->feed_bytes);
    memcpy(&s->now, record, sizeof s->now);
    if (r->feed_bytes) memcpy(r->feed, record + SCP_STEP_HEAD, r->feed_bytes);
    (void)dev;
    return SCP_OK;
}

static scp_status seed(scp_device *dev, const scp_step_state *s, const void *loss, void *loss_grad)
{
    double value;
    SCP_TRY(scp_device_read_f64(dev, &value, loss, 1));
    value = s->loss_scale + 0 * value;
    return scp_device_write_f64(dev, loss_grad, &value, 1);
}

static void count(scp_step_state *s, int64_t growth_every)
{
    s->skipped += s->found_inf;
    s->bad = s->found_inf ? s->bad + 1 : 0;
    if (s->bad > s->worst) s->worst = s->bad;
    if (!growth_every) return;
    s->good = s->found_inf ? 0 : s->good + 1;
    if (s->found_inf) s->loss_scale = fmax(s->loss_scale / 2, SCP_SCALE_MIN);
    if (s->good < growth_every) return;
    s->loss_scale = fmin(s->loss_scale * 2, SCP_SCALE_MAX);
    s->good = 0;
}

/* Running statistics that a bad forward pass has spoilt go back to their moving average, which it
 * has not reached. */
static scp_status mend_states(scp_device *dev, const scp_update *u)
{
    for (size_t i = u->n; i < u->n + u->states; i++) {
        char *w = (char *)u->w + scp_device_bytes(dev, SCP_REAL, i),
             *ema = (char *)u->ema + scp_device_bytes(dev, SCP_REAL, i);
        double now;
        SCP_TRY(scp_device_read_f64(dev, &now, w, 1));
        if (!isfinite(now)) memcpy(w, ema, scp_device_bytes(dev, SCP_REAL, 1));
    }
    return SCP_OK;
}

static scp_status update(scp_device *dev, const scp_update *u)
{
    scp_step_state *s = u->state;
    const scp_optim_impl *optim = dev->backend->optim;
    double squares, clip = 1;
    SCP_TRY(optim->sum_squares(dev, u->g, u->n, &squares));
    s->grad_norm = sqrt(squares) / s->loss_scale;
    s->found_inf = !isfinite(squares);
    if (u->clip > 0 && s->grad_norm > u->clip) clip = u->clip / (s->grad_norm + 1e-6);
    s->grad_scale = clip / s->loss_scale;
    count(s, u->growth_every);
    if (s->found_inf) return mend_states(dev, u);
    const scp_adamw h = { .lr = s->now.lr,
                          .beta1 = u->beta1,
                          .beta2 = u->beta2,
                          .eps = u->eps,
                          .decay = u->decay,
                          .grad_scale = s->grad_scale,
                          .ema_decay = u->ema_decay,
                          .t = s->now.step.step + 1 };
    SCP_TRY(optim->adamw(dev, &h, u->n, u->w, u->g, u->m, u->v, u->ema, u->decay_mask));
    if (u->half) {
        memcpy(u->half, u->w, scp_device_bytes(dev, SCP_REAL, u->n));
        scp_half_round(u->half_type, u->half, dev->backend->real_size, u->n);
    }
    const size_t trained = scp_device_bytes(dev, SCP_REAL, u->n);
    if (!u->states) return SCP_OK;
    return optim->ema(dev, u->ema_decay, u->states, (char *)u->w + trained,
                      (char *)u->ema + trained);
}

const scp_step_impl scp_host_step = { .load = load, .seed = seed, .update = update };
