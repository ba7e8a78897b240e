/* The tables of a shard file and their checksums. */
#include "io/shard_format.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/hash.h"

#define TABLE(path, kind, n, columns, member)                                                      \
    {                                                                                              \
        .name = (path), .type = (kind), .count = offsetof(scp_dataset, n), .width = (columns),     \
        .data = offsetof(scp_dataset, member)                                                      \
    }

const scp_shard_table scp_shard_tables[SCP_SHARD_TABLES] = {
    TABLE("gene", SHARD_TEXT, G, 1, gene),
    TABLE("gene_cells", SHARD_I64, G, 1, gene_cells),
    TABLE("line", SHARD_TEXT, n_lines, 1, line),
    TABLE("drug/name", SHARD_TEXT, n_drugs, 1, drug),
    TABLE("drug/smiles", SHARD_TEXT, n_drugs, 1, smiles),
    TABLE("drug/moa", SHARD_TEXT, n_drugs, 1, moa),
    TABLE("drug/parent", SHARD_I32, n_drugs, 1, parent),
    TABLE("drug/fingerprint", SHARD_U8, n_drugs, SCP_FP_BITS, fp),
    TABLE("parent", SHARD_TEXT, n_parents, 1, parent_name),
    TABLE("plate", SHARD_TEXT, n_plates, 1, plate),
    TABLE("profile/line", SHARD_I32, P, 1, p_line),
    TABLE("profile/drug", SHARD_I32, P, 1, p_drug),
    TABLE("profile/dose", SHARD_F64, P, 1, p_dose),
    TABLE("profile/plate", SHARD_I32, P, 1, p_plate),
    TABLE("profile/cells", SHARD_I64, P, 1, p_cells),
    TABLE("replicate/profile", SHARD_I32, R, 1, r_profile),
    TABLE("replicate/cells", SHARD_I64, R, 1, r_cells),
    TABLE("pair/post", SHARD_I32, N, 1, post),
    TABLE("pair/pre", SHARD_I32, N, 1, pre),
    TABLE("pair/split", SHARD_U8, N, 1, split),
};

size_t scp_shard_count(const scp_dataset *d, const scp_shard_table *t)
{
    return *(const size_t *)((const char *)d + t->count);
}

void **scp_shard_data(const scp_dataset *d, const scp_shard_table *t)
{
    return (void **)((char *)d + t->data);
}

hid_t scp_shard_h5_type(const scp_shard_table *t)
{
    switch (t->type) {
    case SHARD_U8:
        return H5T_NATIVE_UINT8;
    case SHARD_I32:
        return H5T_NATIVE_INT32;
    case SHARD_I64:
        return H5T_NATIVE_INT64;
    case SHARD_F64:
        return H5T_NATIVE_DOUBLE;
    case SHARD_TEXT:
        break;
    }
    return H5I_INVALID_HID;
}

size_t scp_shard_type_size(const scp_shard_table *t)
{
    static const size_t size[] = { [SHARD_TEXT] = sizeof(char *),
                                   [SHARD_U8] = 1,
                                   [SHARD_I32] = 4,
                                   [SHARD_I64] = 8,
                                   [SHARD_F64] = 8 };
    return size[t->type];
}

uint64_t scp_shard_digest(const scp_dataset *d, const scp_shard_table *t)
{
    size_t n = scp_shard_count(d, t);
    const void *data = *scp_shard_data(d, t);
    if (t->type != SHARD_TEXT)
        return scp_hash_bytes(data, n * t->width * scp_shard_type_size(t), 0);
    uint64_t h = 0;
    for (size_t i = 0; i < n; i++) {
        const char *s = ((char *const *)data)[i];
        h = scp_hash_bytes(s, strlen(s) + 1, h);
    }
    return h;
}

void scp_shard_get_sizes(const scp_dataset *d, int64_t s[SCP_SHARD_SIZES])
{
    const size_t from[SCP_SHARD_SIZES] = { d->G,        d->n_lines, d->n_drugs, d->n_parents,
                                           d->n_plates, d->P,       d->R,       d->N };
    for (int i = 0; i < SCP_SHARD_SIZES; i++) s[i] = (int64_t)from[i];
}

void scp_shard_set_sizes(scp_dataset *d, const int64_t s[SCP_SHARD_SIZES])
{
    size_t *const to[SCP_SHARD_SIZES] = { &d->G,        &d->n_lines, &d->n_drugs, &d->n_parents,
                                          &d->n_plates, &d->P,       &d->R,       &d->N };
    for (int i = 0; i < SCP_SHARD_SIZES; i++) *to[i] = (size_t)s[i];
}

uint64_t scp_shard_content_hash(const int64_t sizes[SCP_SHARD_SIZES],
                                const uint64_t table[SCP_SHARD_TABLES], const uint64_t matrix[2])
{
    uint64_t h = scp_hash_bytes(sizes, SCP_SHARD_SIZES * sizeof *sizes, SCP_SHARD_VERSION);
    h = scp_hash_bytes(table, SCP_SHARD_TABLES * sizeof *table, h);
    return scp_hash_bytes(matrix, 2 * sizeof *matrix, h);
}

const char *scp_shard_digest_text(uint64_t digest, char buf[SCP_SHARD_DIGEST])
{
    snprintf(buf, SCP_SHARD_DIGEST, "%016" PRIx64, digest);
    return buf;
}
