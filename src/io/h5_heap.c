/* HDF5 1.10 takes the references of variable-length texts at face value: an index beyond its heap
 * collection, or a length that is not that of the object, ends in a crash instead of an error. So a
 * flipped byte of a label would end the program. This file looks first.
 *
 * On disk (HDF5 file format specification, III.E): a reference is length (4 bytes), address of a
 * collection (8), index in it (4); a collection is "GCOL", version 1, 3 bytes, size (8), then
 * objects of index (2), count (2), 4 bytes, size (8) and data padded to 8; index 0 is free space.
 */
#include "io/h5_heap.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "io/h5_chunk.h"

enum { HEAD_BYTES = 16, OBJECT_BYTES = 16, INDICES = 1 << 16 };

typedef struct heap {
    int fd;
    uint64_t base, file_size; /* of HDF5's addresses; bytes of the file          */
    uint64_t address;         /* of the collection at hand, 0: none              */
    uint64_t *size;           /* [INDICES] of its objects + 1, 0: no such object */
} heap;

static uint64_t little(const uint8_t *p, int n)
{
    uint64_t v = 0;
    while (n-- > 0) v = v << 8 | p[n];
    return v;
}

static bool read_at(const heap *h, void *out, size_t n, uint64_t at)
{
    return at <= h->file_size && n <= h->file_size - at &&
           pread(h->fd, out, n, (off_t)at) == (ssize_t)n;
}

/* Sizes of the objects of a collection; false when it is not one. */
static bool parse_collection(heap *h, const uint8_t *c, uint64_t size)
{
    memset(h->size, 0, INDICES * sizeof *h->size);
    for (uint64_t at = HEAD_BYTES; size - at >= OBJECT_BYTES;) {
        uint64_t index = little(c + at, 2), bytes = little(c + at + 8, 8), room = size - at;
        if (index == 0) { /* free space, its head counted */
            if (bytes < OBJECT_BYTES || bytes > room) return false; /* 0: HDF5 would never end */
            at += bytes;
            continue;
        }
        if (bytes > room - OBJECT_BYTES) return false;
        h->size[index] = bytes + 1;
        bytes = OBJECT_BYTES + (bytes + 7) / 8 * 8;
        if (bytes > room) return false;
        at += bytes;
    }
    return true;
}

static bool load_collection(heap *h, uint64_t address)
{
    uint8_t head[HEAD_BYTES], *c = NULL;
    bool fine = false;
    if (h->address == address) return true;
    h->address = 0;
    if (address > h->file_size || !read_at(h, head, sizeof head, h->base + address)) return false;
    uint64_t size = little(head + 8, 8);
    if (memcmp(head, "GCOL\1", 5) != 0 || size < HEAD_BYTES || size > h->file_size) return false;
    c = malloc(size);
    fine = c && read_at(h, c, size, h->base + address) && parse_collection(h, c, size);
    free(c);
    if (fine) h->address = address;
    return fine;
}

static bool good_reference(heap *h, const uint8_t *ref)
{
    uint64_t length = little(ref, 4), address = little(ref + 4, 8), index = little(ref + 12, 4);
    if (address == 0) return true; /* a nil text */
    return load_collection(h, address) && index < INDICES && h->size[index] == length + 1;
}

/* The file that the collections lie in; false when it cannot be seen. */
static bool locate(hid_t dset, heap *h)
{
    hid_t type = H5Dget_type(dset), file = H5Iget_file_id(dset);
    hid_t fapl = H5Fget_access_plist(file), fcpl = H5Fget_create_plist(file);
    size_t address_bytes = 0, length_bytes = 0;
    hsize_t user = 0, size = 0;
    unsigned intent =
        H5F_ACC_RDWR; /* a file being written has not all of its content on disk yet */
    void *fd = NULL;
    bool seen = H5Fget_intent(file, &intent) >= 0 && intent == H5F_ACC_RDONLY &&
                H5Tis_variable_str(type) > 0 && H5Tget_size(type) == sizeof(char *) &&
                H5Pget_driver(fapl) == H5FD_SEC2 && H5Fget_vfd_handle(file, fapl, &fd) >= 0 &&
                H5Fget_filesize(file, &size) >= 0 && H5Pget_userblock(fcpl, &user) >= 0 &&
                H5Pget_sizes(fcpl, &address_bytes, &length_bytes) >= 0 && address_bytes == 8 &&
                length_bytes == 8;
    if (seen) {
        h->fd = *(int *)fd;
        h->base = user;
        h->file_size = size;
    }
    if (fcpl >= 0) H5Pclose(fcpl);
    if (fapl >= 0) H5Pclose(fapl);
    if (file >= 0) H5Fclose(file);
    if (type >= 0) H5Tclose(type);
    H5Eclear2(H5E_DEFAULT);
    return seen;
}

/* References [first, first + n), a chunk at a time. */
static scp_status check_references(heap *h, const scp_h5_chunks *c, size_t first, size_t n)
{
    scp_status st = SCP_OK;
    scp_h5_decoder d = { 0 };
    const void *refs = NULL;
    for (size_t at = first; at < first + n;) {
        size_t chunk = at / c->chunk[0], begin = chunk * c->chunk[0], end = begin + c->chunk[0];
        if (end > first + n) end = first + n;
        SCP_GOTO(done, scp_h5_chunk_fetch(c, chunk, 0, &d));
        SCP_GOTO(done, scp_h5_chunk_decode(c, chunk, 0, &d, &refs));
        for (; at < end; at++)
            if (!good_reference(h, (const uint8_t *)refs + (at - begin) * SCP_H5_REFERENCE_BYTES))
                SCP_FAIL_GOTO(done, SCP_EDATA,
                              "%s: element %zu: the reference to its text is damaged", c->where,
                              at);
    }
done:
    scp_h5_decoder_fini(&d);
    return st;
}

scp_status scp_h5_check_texts(hid_t dset, size_t first, size_t n)
{
    scp_status st = SCP_OK;
    pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* nobody else is here */
    scp_h5_chunks c;
    heap h = { 0 };
    if (n == 0 || !locate(dset, &h)) return SCP_OK;
    SCP_TRY(scp_h5_chunks_open_bytes(dset, SCP_H5_REFERENCE_BYTES, &lock, &c));
    if (c.store == SCP_H5_CONVERTED) return SCP_OK; /* HDF5 alone can read them */
    SCP_GOTO(done, scp_alloc(INDICES, sizeof *h.size, &h.size));
    SCP_GOTO(done, check_references(&h, &c, first, n));
done:
    free(h.size);
    return st;
}
