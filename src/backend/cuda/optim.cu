/* The update of a step over whole arenas (tensor/optim.h, tensor/step.h), three kernels for any
 * number of tensors:
 *
 *   norm     reads g: 4 n bytes; its last block decides about the step: norm, finite or not, loss
 *            scale, clipping, bias corrections; all of it stays in device memory
 *   adamw    reads g, m, v, w, ema and the mask, writes m, v, w, ema and the weights in half: 36 to
 *            39 n bytes, 16 at a time; nothing when the gradient was not finite
 *   ema      of the states, or their repair
 *
 * Bandwidth-bound. Moving averages are written x += (1 - b)(y - x), see backend/cpu/optim.c. */
#include "backend/cuda/map.cuh"
#include "backend/cuda/reduce.cuh"

#include "tensor/step.h"

namespace
{

/* scp_cuda.rates: what all elements of a step share. */
enum { GRAD_SCALE, STEP, ROOT, SHRINK };

struct squared {
    const float *g;
    __device__ void operator()(int64_t i, double (&v)[1]) const
    {
        v[0] = (double)g[i] * g[i];
    }
};

__device__ __forceinline__ void set_rates(float *rates, double lr, double decay, double unbias1,
                                          double unbias2, double grad_scale)
{
    rates[GRAD_SCALE] = (float)grad_scale;
    rates[STEP] = (float)(lr / unbias1);
    rates[ROOT] = (float)(1.0 / sqrt(unbias2));
    rates[SHRINK] = (float)(lr * decay);
}

/* One thread, when the sum of squares is known: what scp_step_impl.update says. */
struct decide {
    scp_step_state *s;
    float *rates;
    double clip, decay;
    int64_t growth_every;

    __device__ void overflow() const
    {
        s->found_inf = 1;
        s->bad += 1;
        s->skipped += 1;
        if (s->bad > s->worst) s->worst = s->bad;
        if (!growth_every) return;
        s->good = 0;
        s->loss_scale = fmax(s->loss_scale * 0.5, SCP_SCALE_MIN);
    }
    __device__ void operator()(const double (&sum)[1]) const
    {
        const double scale = s->loss_scale, norm = sqrt(sum[0]) / scale;
        s->grad_norm = norm;
        if (!(norm <= 1e300)) {
            overflow();
            return;
        }
        s->found_inf = 0;
        s->bad = 0;
        s->grad_scale = (clip > 0 && norm > clip ? clip / (norm + 1e-6) : 1.0) / scale;
        set_rates(rates, s->now.lr, decay, s->now.unbias1, s->now.unbias2, s->grad_scale);
        if (!growth_every || ++s->good < growth_every) return;
        s->good = 0;
        s->loss_scale = fmin(s->loss_scale * 2.0, SCP_SCALE_MAX);
    }
};

/* H: type of the weights in half. */
template <class H> struct adamw_step {
    enum { WIDTH = 4 };
    const int64_t *skip; /* NULL: never */
    const float *rates;
    float rate1, rate2, eps, ema_rate;
    float *w, *m, *v, *ema;
    const float *g;
    const uint8_t *mask;
    H *half;

    template <int V> __device__ void run(int64_t i) const
    {
        const float scale = rates[GRAD_SCALE], step = rates[STEP], root = rates[ROOT];
        float gi[V], mi[V], vi[V], wi[V], decays[V];
        if (skip && *skip) return;
        scp_load(gi, g + i);
        scp_load(mi, m + i);
        scp_load(vi, v + i);
        scp_load(wi, w + i);
        for (int k = 0; k < V; k++) decays[k] = 1.0f;
        if (mask) scp_load(decays, mask + i);
        for (int k = 0; k < V; k++) {
            const float gk = gi[k] * scale, shrink = decays[k] != 0 ? rates[SHRINK] : 0.0f;
            mi[k] += rate1 * (gk - mi[k]);
            vi[k] += rate2 * (gk * gk - vi[k]);
            wi[k] -= step * mi[k] / (sqrtf(vi[k]) * root + eps) + shrink * wi[k];
        }
        scp_store(m + i, false, mi);
        scp_store(v + i, false, vi);
        scp_store(w + i, false, wi);
        if (half) scp_store(half + i, false, wi);
        if (!ema) return;
        scp_load(gi, ema + i);
        for (int k = 0; k < V; k++) gi[k] += ema_rate * (wi[k] - gi[k]);
        scp_store(ema + i, false, gi);
    }
    bool aligned() const
    {
        return scp_aligned<float, 4>(w) && scp_aligned<float, 4>(m) && scp_aligned<float, 4>(v) &&
               scp_aligned<float, 4>(ema) && scp_aligned<float, 4>(g) &&
               scp_aligned<uint8_t, 4>(mask) && scp_aligned<H, 4>(half);
    }
};

/* The average of states. In a step that is left out, a state that the bad forward pass has spoilt
 * goes back to its average, which it has not reached. */
struct ema_step {
    enum { WIDTH = 1 };
    const int64_t *skip;
    float rate;
    float *w, *ema;
    template <int V> __device__ void run(int64_t i) const
    {
        if (!skip || !*skip)
            ema[i] += rate * (w[i] - ema[i]);
        else if (!(fabsf(w[i]) <= 3.4e38f))
            w[i] = ema[i];
    }
    bool aligned() const
    {
        return false;
    }
};

template <class H> adamw_step<H> settings_of(const scp_cuda *cu, const scp_update *u)
{
    adamw_step<H> a = {};
    a.skip = u->state ? &u->state->found_inf : nullptr;
    a.rates = cu->rates;
    a.rate1 = (float)(1 - u->beta1), a.rate2 = (float)(1 - u->beta2), a.eps = (float)u->eps;
    a.ema_rate = (float)(1 - u->ema_decay);
    a.w = (float *)u->w, a.m = (float *)u->m, a.v = (float *)u->v, a.ema = (float *)u->ema;
    a.g = (const float *)u->g, a.mask = u->decay_mask, a.half = (H *)u->half;
    return a;
}

scp_status apply(const scp_cuda *cu, const scp_update *u)
{
    if (!u->half) return scp_map(cu, (int64_t)u->n, settings_of<float>(cu, u));
    return scp_with_type(u->half_type, [&](auto *tag) {
        using H = SCP_TYPE_OF(tag);
        return scp_map(cu, (int64_t)u->n, settings_of<H>(cu, u));
    });
}

struct known_rates {
    enum { WIDTH = 1 };
    float *rates;
    double lr, decay, unbias1, unbias2, grad_scale;
    template <int V> __device__ void run(int64_t) const
    {
        set_rates(rates, lr, decay, unbias1, unbias2, grad_scale);
    }
    bool aligned() const
    {
        return false;
    }
};
struct to_result {
    double *to;
    __device__ void operator()(const double (&s)[1]) const
    {
        *to = s[0];
    }
};

/* ---- members of scp_optim_impl, for callers that decide on the host ---- */

scp_status sum_squares(scp_device *dev, const void *x, size_t n, double *out)
{
    scp_cuda *cu = scp_cuda_of(dev);
    SCP_TRY(scp_total<1>(cu, (int64_t)n, squared{ (const float *)x }, to_result{ cu->result }));
    return dev->backend->read(dev, out, cu->result, sizeof *out);
}

scp_status ema(scp_device *dev, double decay, size_t n, const void *w, void *average)
{
    return scp_map(
        scp_cuda_of(dev), (int64_t)n,
        ema_step{ nullptr, (float)(1 - decay), (float *)const_cast<void *>(w), (float *)average });
}

scp_status adamw(scp_device *dev, const scp_adamw *h, size_t n, void *w, const void *g, void *m,
                 void *v, void *average, const uint8_t *decay_mask)
{
    scp_cuda *cu = scp_cuda_of(dev);
    scp_update u = {};
    u.beta1 = h->beta1, u.beta2 = h->beta2, u.eps = h->eps, u.ema_decay = h->ema_decay;
    u.n = n, u.w = w, u.g = const_cast<void *>(g), u.m = m, u.v = v, u.ema = average;
    u.decay_mask = decay_mask;
    SCP_TRY(scp_map(cu, 1,
                    known_rates{ cu->rates, h->lr, h->decay, 1 - pow(h->beta1, (double)h->t),
                                 1 - pow(h->beta2, (double)h->t), h->grad_scale }));
    return apply(cu, &u);
}

} // namespace

scp_status scp_cuda_step_update(scp_device *dev, const scp_update *u)
{
    const scp_cuda *cu = scp_cuda_of(dev);
    SCP_TRY(scp_total<1>(cu, (int64_t)u->n, squared{ (const float *)u->g },
                         decide{ u->state, cu->rates, u->clip, u->decay, u->growth_every }));
    SCP_TRY(apply(cu, u));
    if (!u->states || !u->ema) return SCP_OK;
    return scp_map(cu, (int64_t)u->states,
                   ema_step{ &u->state->found_inf, (float)(1 - u->ema_decay), (float *)u->w + u->n,
                             (float *)u->ema + u->n });
}

const scp_optim_impl scp_cuda_optim = { .sum_squares = sum_squares, .adamw = adamw, .ema = ema };
