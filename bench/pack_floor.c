/* The least that writing a plate can cost: X of a plate is read chunk by chunk and packed again by
 * the same compressor, and nothing is done with it. Prints the seconds of packing, on one thread.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "io/pack.h"
#include "io/h5.h"
#include "io/h5ad.h"

typedef struct buffers {
    void *raw, *packed;
    size_t bytes; /* packed, in all */
    double seconds;
} buffers;

static scp_status pack_array(hid_t file, const char *name, hid_t type, scp_pack_format format,
                             size_t chunk, buffers *b)
{
    scp_status st = SCP_OK;
    scp_packer *packer = NULL;
    hid_t dset = H5I_INVALID_HID;
    int rank;
    size_t dims[SCP_H5_MAX_RANK], size = 0;
    SCP_GOTO(done, scp_packer_create(&format, &packer));
    SCP_GOTO(done, scp_alloc(chunk, format.width, &b->raw));
    SCP_GOTO(done, scp_alloc(scp_packer_bound(packer, chunk * format.width), 1, &b->packed));
    SCP_GOTO(done, scp_h5_dataset_open_cached(file, name, &dset));
    SCP_GOTO(done, scp_h5_extent(dset, &rank, dims));
    for (size_t at = 0; at < dims[0]; at += chunk) {
        size_t n = dims[0] - at < chunk ? dims[0] - at : chunk;
        SCP_GOTO(done, scp_h5_read_slab(dset, type, at, n, b->raw));
        double start = scp_clock_thread_seconds();
        SCP_GOTO(done, scp_packer_run(packer, b->raw, n * format.width, b->packed, &size));
        b->seconds += scp_clock_thread_seconds() - start;
        b->bytes += size;
    }
done:
    if (dset >= 0) SCP_H5_KEEP(st, H5Dclose(dset));
    scp_packer_destroy(&packer);
    free(b->raw);
    free(b->packed);
    b->raw = b->packed = NULL;
    return st;
}

static scp_status run(const char *path, int deflate, buffers *b)
{
    scp_status st = SCP_OK;
    hid_t file = H5I_INVALID_HID;
    const scp_h5ad_write_options opt = { .csr = true, .index64 = true, .deflate = deflate };
    size_t chunk = scp_h5ad_pack_chunk(&opt);
    SCP_GOTO(done, scp_h5_open(path, &file));
    SCP_GOTO(done, pack_array(file, "X/data", H5T_NATIVE_FLOAT,
                              scp_h5ad_pack_format(&opt, SCP_H5AD_VALUES), chunk, b));
    SCP_GOTO(done, pack_array(file, "X/indices", H5T_NATIVE_INT64,
                              scp_h5ad_pack_format(&opt, SCP_H5AD_COLUMNS), chunk, b));
done:
    SCP_KEEP(st, scp_h5_close(&file));
    return st;
}

int main(int argc, char **argv)
{
    buffers b = { 0 };
    if (argc != 3) {
        fprintf(stderr, "usage: pack_floor PLATE LEVEL\n");
        return 64;
    }
    if (run(argv[1], atoi(argv[2]), &b) != SCP_OK) {
        fprintf(stderr, "pack_floor: %s\n", scp_err_message());
        return 65;
    }
    printf("%.6f %zu\n", b.seconds, b.bytes);
    return 0;
}
