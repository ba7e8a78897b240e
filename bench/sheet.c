/* See sheet.h. */
#include "sheet.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/str.h"

enum { MAX_TENSORS = 512, MAX_META = 16, NAME = 160 };

struct sheet {
    scp_st_tensor tensor[MAX_TENSORS];
    char name[MAX_TENSORS][NAME];
    void *owned[MAX_TENSORS];
    size_t n, n_owned, n_meta;
    scp_st_meta meta[MAX_META];
    char value[MAX_META][SCP_REAL_TEXT];
};

scp_status sheet_create(sheet **out)
{
    return scp_alloc(1, sizeof **out, out);
}

void sheet_destroy(sheet **s)
{
    if (!s || !*s) return;
    for (size_t i = 0; i < (*s)->n_owned; i++) free((*s)->owned[i]);
    free(*s);
    *s = NULL;
}

scp_status sheet_add(sheet *s, scp_st_type type, const char *prefix, const char *name,
                     const scp_shape *shape, const void *data)
{
    SCP_ARG(s->n < MAX_TENSORS, "more than %d tensors", MAX_TENSORS);
    scp_st_tensor *x = &s->tensor[s->n];
    SCP_TRY(scp_str_format(s->name[s->n], NAME, "%s%s", prefix, name));
    *x = (scp_st_tensor){ .name = s->name[s->n], .type = type, .rank = shape->n, .data = data };
    for (int i = 0; i < shape->n; i++) x->shape[i] = shape->d[i];
    s->n++;
    return SCP_OK;
}

scp_status sheet_room(sheet *s, const scp_shape *shape, size_t size, void **out)
{
    SCP_ARG(s->n_owned < MAX_TENSORS, "more than %d tensors", MAX_TENSORS);
    SCP_TRY(scp_alloc((size_t)scp_shape_count(shape), size, out));
    s->owned[s->n_owned++] = *out;
    return SCP_OK;
}

scp_status sheet_add_reals(sheet *s, const char *name, const scp_shape *shape, const double *x)
{
    void *room;
    SCP_TRY(sheet_room(s, shape, sizeof(float), &room));
    float *out = room;
    for (size_t i = 0; i < (size_t)scp_shape_count(shape); i++) out[i] = (float)x[i];
    return sheet_add(s, SCP_ST_F32, "", name, shape, out);
}

scp_status sheet_add_weights(sheet *s, const scp_params *p)
{
    const scp_shape all = SCP_SHAPE((int64_t)scp_params_total(p));
    void *room;
    SCP_TRY(sheet_room(s, &all, sizeof(float), &room));
    float *w = room;
    SCP_TRY(scp_params_read_f32(p, SCP_ARENA_W, 0, scp_params_total(p), w));
    for (size_t i = 0; i < scp_params_count(p); i++) {
        const scp_param_info *info = scp_params_info(p, i);
        SCP_TRY(sheet_add(s, SCP_ST_F32, "w:", info->name, &info->shape, w + info->offset));
    }
    return SCP_OK;
}

scp_status sheet_add_number(sheet *s, const char *key, double value)
{
    SCP_ARG(s->n_meta < MAX_META, "more than %d settings", MAX_META);
    scp_print_real(value, s->value[s->n_meta]);
    s->meta[s->n_meta] = (scp_st_meta){ key, s->value[s->n_meta] };
    s->n_meta++;
    return SCP_OK;
}

scp_status sheet_write(const sheet *s, const char *path)
{
    return scp_st_write(path, s->tensor, s->n, s->meta, s->n_meta);
}
