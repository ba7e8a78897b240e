/* See mutate_damage.h. */
#define _GNU_SOURCE
#include "data/mutate_damage.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "io/h5.h"
#include "io/h5_chunk.h"
#include "io/h5_heap.h"

const char *mutate_kind_name(mutate_kind kind)
{
    static const char *const name[MUTATE_KINDS] = { "one bit",
                                                    "some bits",
                                                    "one byte",
                                                    "random run",
                                                    "run of zeros",
                                                    "page of zeros",
                                                    "swapped blocks",
                                                    "cut",
                                                    "tail of zeros",
                                                    "reference of an attribute",
                                                    "header of an attribute" };
    return name[kind];
}

/* ---- where things are ---- */

/* Stored bytes of the compressed chunks of a dataset. */
static void add_chunks(mutate_subject *s, hid_t dset)
{
    hsize_t n = 0;
    hid_t dcpl = H5Dget_create_plist(dset), space = H5Dget_space(dset);
    if (H5Pget_layout(dcpl) == H5D_CHUNKED && H5Pget_nfilters(dcpl) > 0)
        H5Dget_num_chunks(dset, space, &n);
    for (hsize_t k = 0; k < n && s->n_chunks < MUTATE_RANGES; k++) {
        hsize_t offset[SCP_H5_MAX_RANK], size = 0;
        unsigned mask = 0;
        haddr_t at = 0;
        if (H5Dget_chunk_info(dset, space, k, offset, &mask, &at, &size) >= 0)
            s->chunk[s->n_chunks++] = (mutate_range){ (size_t)at, (size_t)(at + size) };
    }
    H5Sclose(space);
    H5Pclose(dcpl);
}

/* The references of an attribute of texts, found in the file by their bytes. */
static herr_t add_refs(hid_t obj, const char *name, const H5A_info_t *info, void *data)
{
    mutate_subject *s = data;
    (void)info;
    hid_t attr = H5Aopen(obj, name, H5P_DEFAULT), type = H5Aget_type(attr);
    hid_t space = H5Aget_space(attr);
    hssize_t n = H5Sget_simple_extent_npoints(space);
    uint8_t *refs = NULL;
    if (n > 0 && H5Tis_variable_str(type) > 0 &&
        scp_h5_attr_references(attr, (size_t)n, &refs) == SCP_OK) {
        size_t bytes = (size_t)n * SCP_H5_REFERENCE_BYTES;
        const char *at = memmem(s->bytes, s->n, refs, bytes);
        for (size_t k = 0; at && k < bytes && s->n_refs < MUTATE_REFS; k += SCP_H5_REFERENCE_BYTES)
            s->ref[s->n_refs++] = (size_t)(at - s->bytes) + k;
    }
    free(refs);
    H5Sclose(space);
    H5Tclose(type);
    H5Aclose(attr);
    return 0;
}

static herr_t add_object(hid_t root, const char *name, const H5O_info_t *info, void *data)
{
    hid_t obj = H5Oopen(root, name, H5P_DEFAULT);
    if (info->type == H5O_TYPE_DATASET) add_chunks(data, obj);
    H5Aiterate2(obj, H5_INDEX_NAME, H5_ITER_NATIVE, NULL, add_refs, data);
    H5Oclose(obj);
    return 0;
}

static void find_anchors(mutate_subject *s)
{
    static const char *const mark[] = { "\x89HDF", "TREE", "HEAP", "SNOD", "GCOL", "OHDR",
                                        "OCHK",    "FRHP", "FHDB", "BTHD", "BTLF", "FSHD" };
    for (size_t at = 0; at + 4 <= s->n; at += 4)
        for (size_t m = 0; m < sizeof mark / sizeof mark[0]; m++)
            if (memcmp(s->bytes + at, mark[m], 4) == 0 && s->n_anchors + 1 < MUTATE_ANCHORS) {
                s->anchor[s->n_anchors++] = at;
                if (at >= 400) s->anchor[s->n_anchors++] = at - 400; /* headers without a mark */
            }
}

scp_status mutate_subject_load(mutate_subject *s, const char *name, const char *path)
{
    hid_t file;
    s->name = name;
    snprintf(s->good, sizeof s->good, "%s", path);
    SCP_TRY(scp_fs_read_text(path, &s->bytes, &s->n));
    SCP_TRY(scp_h5_open(path, &file));
    H5Ovisit2(file, H5_INDEX_NAME, H5_ITER_NATIVE, add_object, s, H5O_INFO_BASIC);
    SCP_TRY(scp_h5_close(&file));
    find_anchors(s);
    return SCP_OK;
}

/* ---- damage ---- */

/* Where the numbers of one damage come from. */
typedef struct source {
    uint64_t seed, file;
    uint32_t i;
} source;

static uint64_t draw(source *q, uint64_t below)
{
    return below ? scp_rng_below(q->seed, SCP_RNG_SYNTH, 77, q->file, q->i++, below) : 0;
}

/* Half of all places are near the structures of HDF5, which are few bytes of a file. */
static size_t place(const mutate_subject *s, source *q)
{
    if (s->n_anchors == 0 || draw(q, 2)) return (size_t)draw(q, s->n);
    size_t at = s->anchor[draw(q, s->n_anchors)] + (size_t)draw(q, 400);
    return at < s->n ? at : s->n - 1;
}

static mutate_range span(const mutate_damage *d, size_t at, size_t n)
{
    return (mutate_range){ at, d->n - at < n ? d->n : at + n };
}

static void swap_blocks(mutate_damage *d, source *q)
{
    size_t block = (size_t)512 << draw(q, 3), blocks = d->n / block;
    size_t a = (size_t)draw(q, blocks) * block, b = (size_t)draw(q, blocks) * block;
    for (size_t k = 0; k < block && blocks > 1; k++) {
        char keep = d->bytes[a + k];
        d->bytes[a + k] = d->bytes[b + k];
        d->bytes[b + k] = keep;
    }
    d->touched[0] = span(d, a, block);
    d->touched[1] = span(d, b, block);
}

/* Length, collection or index of one reference: one of its bits, or a number that is wrong by a
 * little or a lot. */
static void spoil_reference(const mutate_subject *s, mutate_damage *d, source *q)
{
    static const struct {
        size_t at, n;
    } part[] = { { 0, 4 }, { 4, 8 }, { 12, 4 } };
    size_t p = (size_t)draw(q, 3), ref = s->ref[draw(q, s->n_refs)];
    char *bytes = d->bytes + ref + part[p].at;
    d->touched[0] = span(d, ref, SCP_H5_REFERENCE_BYTES);
    switch (draw(q, 5)) {
    case 0:
        bytes[draw(q, part[p].n)] ^= (char)(1u << draw(q, 8));
        break;
    case 1:
        bytes[0] = (char)(bytes[0] + 1 + (char)draw(q, 9));
        break;
    case 2: /* within what a collection of 64 KiB could hold */
        bytes[0] = (char)draw(q, 256);
        bytes[1] = (char)draw(q, 256);
        break;
    case 3:
        memset(bytes, 0xff, part[p].n);
        break;
    case 4:
        for (size_t k = 0; k < part[p].n; k++) bytes[k] = (char)draw(q, 256);
        break;
    }
}

/* A byte of the message before a reference: its sizes, name, type, extent. */
static void spoil_attribute(const mutate_subject *s, mutate_damage *d, source *q)
{
    size_t ref = s->ref[draw(q, s->n_refs)], back = 1 + (size_t)draw(q, 80);
    size_t at = ref > back ? ref - back : 0;
    d->touched[0] = span(d, at, 1);
    d->bytes[at] = (char)(draw(q, 2) ? draw(q, 256) : (uint64_t)d->bytes[at] ^ 1u << draw(q, 8));
}

static void spoil(const mutate_subject *s, mutate_damage *d, source *q)
{
    size_t at = place(s, q), n = 1;
    char *b = d->bytes;
    switch (d->kind) {
    case MUTATE_BIT:
        b[at] ^= (char)(1u << draw(q, 8));
        break;
    case MUTATE_BITS:
        n = 64;
        for (uint64_t k = draw(q, 6) + 2; k-- > 0;)
            b[at + draw(q, d->n - at < n ? d->n - at : n)] ^= (char)(1u << draw(q, 8));
        break;
    case MUTATE_BYTE:
        b[at] = (char)"\x00\xff\x7f\x80\x01"[draw(q, 5)];
        break;
    case MUTATE_RUN:
        n = (size_t)draw(q, 64) + 1;
        for (size_t k = at; k < at + n && k < d->n; k++) b[k] = (char)draw(q, 256);
        break;
    case MUTATE_ZEROS:
        n = (size_t)draw(q, 200) + 1;
        break;
    case MUTATE_PAGE:
        n = (size_t)512 << draw(q, 4);
        at -= at % 512;
        break;
    case MUTATE_CUT:
        d->n = at;
        return;
    case MUTATE_TAIL:
        n = d->n - at;
        break;
    default:
        break;
    }
    d->touched[0] = span(d, at, n);
    if (d->kind == MUTATE_ZEROS || d->kind == MUTATE_PAGE || d->kind == MUTATE_TAIL)
        memset(b + at, 0, d->touched[0].end - at);
}

void mutate_draw(const mutate_subject *s, uint64_t seed, uint64_t file, mutate_kind only,
                 mutate_damage *d)
{
    source q = { .seed = seed, .file = file };
    uint64_t kind = draw(&q, MUTATE_KINDS);
    d->n = s->n;
    d->kind = only < MUTATE_KINDS ? only : (mutate_kind)kind;
    memset(d->touched, 0, sizeof d->touched);
    if (d->kind == MUTATE_SWAP)
        swap_blocks(d, &q);
    else if (d->kind == MUTATE_REFERENCE)
        spoil_reference(s, d, &q);
    else if (d->kind == MUTATE_ATTRIBUTE)
        spoil_attribute(s, d, &q);
    else
        spoil(s, d, &q);
}

bool mutate_only_chunks(const mutate_subject *s, const mutate_damage *d)
{
    if (d->n != s->n) return false;
    for (int t = 0; t < 2; t++)
        for (size_t k = d->touched[t].at; k < d->touched[t].end; k++) {
            bool inside = d->bytes[k] == s->bytes[k];
            for (size_t c = 0; c < s->n_chunks && !inside; c++)
                inside = k >= s->chunk[c].at && k < s->chunk[c].end;
            if (!inside) return false;
        }
    return true;
}
