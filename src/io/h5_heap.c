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

enum { REF_BYTES = 16, HEAD_BYTES = 16, OBJECT_BYTES = 16, BLOCK = 4096, INDICES = 1 << 16 };

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

/* Where the references of the dataset begin in the file; false when they cannot be seen. */
static bool locate(hid_t dset, heap *h, haddr_t *at)
{
    hid_t type = H5Dget_type(dset), file = H5Iget_file_id(dset);
    hid_t fapl = H5Fget_access_plist(file), fcpl = H5Fget_create_plist(file);
    size_t address_bytes = 0, length_bytes = 0;
    hsize_t user = 0, size = 0;
    unsigned intent =
        H5F_ACC_RDWR; /* a file being written has not all of its content on disk yet */
    void *fd = NULL;
    *at = H5Dget_offset(dset);
    bool seen = *at != HADDR_UNDEF && H5Fget_intent(file, &intent) >= 0 &&
                intent == H5F_ACC_RDONLY && H5Tis_variable_str(type) > 0 &&
                H5Tget_size(type) == sizeof(char *) && H5Pget_driver(fapl) == H5FD_SEC2 &&
                H5Fget_vfd_handle(file, fapl, &fd) >= 0 && H5Fget_filesize(file, &size) >= 0 &&
                H5Pget_userblock(fcpl, &user) >= 0 &&
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

scp_status scp_h5_check_texts(hid_t dset, size_t first, size_t n)
{
    scp_status st = SCP_OK;
    heap h = { 0 };
    haddr_t at;
    uint8_t *refs = NULL;
    char where[1024];
    if (n == 0 || !locate(dset, &h, &at)) return SCP_OK;
    SCP_GOTO(done, scp_alloc(INDICES, sizeof *h.size, &h.size));
    SCP_GOTO(done, scp_alloc(BLOCK, REF_BYTES, &refs));
    for (size_t i = 0; i < n; i += BLOCK) {
        size_t some = n - i < BLOCK ? n - i : BLOCK;
        bool fine = read_at(&h, refs, some * REF_BYTES, at + (first + i) * REF_BYTES);
        for (size_t k = 0; k < some; k++)
            if (!fine || !good_reference(&h, refs + k * REF_BYTES))
                SCP_FAIL_GOTO(done, SCP_EDATA,
                              "%s: element %zu: the reference to its text is damaged",
                              scp_h5_where(dset, NULL, where, sizeof where), first + i + k);
    }
done:
    free(refs);
    free(h.size);
    return st;
}
