/* HDF5 1.10 takes the references of variable-length texts at face value: an index beyond its heap
 * collection, or a length that is not that of the object, ends in a crash instead of an error. So a
 * flipped byte of a label would end the program. This file looks first, and reads the texts of
 * attributes, which are few, itself.
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

/* An object of a collection. */
typedef struct object {
    uint64_t at;   /* of its data in the collection; 0: no such object */
    uint64_t size; /* of its data                                      */
} object;

typedef struct heap {
    int fd;
    uint64_t base, file_size; /* of HDF5's addresses; bytes of the file */
    uint64_t address;         /* of the collection at hand, 0: none     */
    uint8_t *bytes;           /* of the collection                      */
    object *object;           /* [INDICES]                              */
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

static void heap_fini(heap *h)
{
    free(h->bytes);
    free(h->object);
}

/* Places of the objects of a collection; false when it is not one. */
static bool parse_collection(heap *h, const uint8_t *c, uint64_t size)
{
    memset(h->object, 0, INDICES * sizeof *h->object);
    for (uint64_t at = HEAD_BYTES; size - at >= OBJECT_BYTES;) {
        uint64_t index = little(c + at, 2), bytes = little(c + at + 8, 8), room = size - at;
        if (index == 0) { /* free space, its head counted */
            if (bytes < OBJECT_BYTES || bytes > room) return false; /* 0: HDF5 would never end */
            at += bytes;
            continue;
        }
        if (bytes > room - OBJECT_BYTES) return false;
        h->object[index] = (object){ .at = at + OBJECT_BYTES, .size = bytes };
        bytes = OBJECT_BYTES + (bytes + 7) / 8 * 8;
        if (bytes > room) return false;
        at += bytes;
    }
    return true;
}

static bool load_collection(heap *h, uint64_t address)
{
    uint8_t head[HEAD_BYTES];
    if (h->address == address) return true;
    h->address = 0;
    free(h->bytes);
    h->bytes = NULL;
    if (address > h->file_size || !read_at(h, head, sizeof head, h->base + address)) return false;
    uint64_t size = little(head + 8, 8);
    if (memcmp(head, "GCOL\1", 5) != 0 || size < HEAD_BYTES || size > h->file_size) return false;
    h->bytes = malloc(size);
    if (!h->bytes || !read_at(h, h->bytes, size, h->base + address) ||
        !parse_collection(h, h->bytes, size))
        return false;
    h->address = address;
    return true;
}

/* The bytes that a reference leads to, in *text until the next call; false when it leads nowhere.
 */
static bool follow(heap *h, const uint8_t *ref, const uint8_t **text, size_t *length)
{
    uint64_t address = little(ref + 4, 8), index = little(ref + 12, 4);
    *text = ref;
    *length = 0;
    if (address == 0) return true; /* a nil text */
    if (!load_collection(h, address) || index >= INDICES || h->object[index].at == 0) return false;
    *text = h->bytes + h->object[index].at;
    *length = h->object[index].size;
    return *length == little(ref, 4);
}

/* The file that the collections of an object's texts lie in; false when it cannot be seen. */
static bool locate(hid_t obj, heap *h)
{
    hid_t file = H5Iget_file_id(obj);
    hid_t fapl = H5Fget_access_plist(file), fcpl = H5Fget_create_plist(file);
    size_t address_bytes = 0, length_bytes = 0;
    hsize_t user = 0, size = 0;
    unsigned intent =
        H5F_ACC_RDWR; /* a file being written has not all of its content on disk yet */
    void *fd = NULL;
    bool seen = H5Fget_intent(file, &intent) >= 0 && intent == H5F_ACC_RDONLY &&
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
    H5Eclear2(H5E_DEFAULT);
    return seen;
}

static bool holds_texts(hid_t dset)
{
    hid_t type = H5Dget_type(dset);
    bool texts = type >= 0 && H5Tis_variable_str(type) > 0;
    if (type >= 0) H5Tclose(type);
    H5Eclear2(H5E_DEFAULT);
    return texts;
}

/* References [first, first + n), a chunk at a time. */
static scp_status check_references(heap *h, const scp_h5_chunks *c, size_t first, size_t n)
{
    scp_status st = SCP_OK;
    scp_h5_decoder d = { 0 };
    const void *refs = NULL;
    const uint8_t *text;
    size_t length;
    for (size_t at = first; at < first + n;) {
        size_t chunk = at / c->chunk[0], begin = chunk * c->chunk[0], end = begin + c->chunk[0];
        if (end > first + n) end = first + n;
        SCP_GOTO(done, scp_h5_chunk_fetch(c, chunk, 0, &d));
        SCP_GOTO(done, scp_h5_chunk_decode(c, chunk, 0, &d, &refs));
        for (; at < end; at++)
            if (!follow(h, (const uint8_t *)refs + (at - begin) * SCP_H5_REFERENCE_BYTES, &text,
                        &length))
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
    if (n == 0 || !holds_texts(dset) || !locate(dset, &h)) return SCP_OK;
    SCP_TRY(scp_h5_chunks_open_bytes(dset, SCP_H5_REFERENCE_BYTES, &lock, &c));
    if (c.store == SCP_H5_CONVERTED) return SCP_OK; /* HDF5 alone can read them */
    SCP_GOTO(done, scp_alloc(INDICES, sizeof *h.object, &h.object));
    SCP_GOTO(done, check_references(&h, &c, first, n));
done:
    heap_fini(&h);
    return st;
}

/* ---- attributes ---- */

/* A "conversion" of stored texts that leaves their references as they are: what HDF5 has no call
 * for, since in memory a text is a pointer. */
static herr_t keep_reference(hid_t from, hid_t to, H5T_cdata_t *c, size_t n, size_t stride,
                             size_t background_stride, void *buf, void *background, hid_t dxpl)
{
    (void)n, (void)stride, (void)background_stride, (void)buf, (void)background, (void)dxpl;
    if (c->command != H5T_CONV_INIT) return 0;
    c->need_bkg = H5T_BKG_NO;
    bool stored = H5Tis_variable_str(from) > 0 && H5Tget_size(from) == SCP_H5_REFERENCE_BYTES;
    return stored && H5Tget_size(to) == SCP_H5_REFERENCE_BYTES ? 0 : -1;
}

scp_status scp_h5_attr_references(hid_t attr, size_t n, uint8_t **refs)
{
    static const char name[] = "scp references";
    scp_status st = SCP_OK;
    hid_t text = H5I_INVALID_HID, reference = H5I_INVALID_HID;
    bool known = false;
    *refs = NULL;
    SCP_GOTO(done, scp_h5_text_type(&text));
    SCP_H5ID_GOTO(done, reference, H5Tcreate(H5T_OPAQUE, SCP_H5_REFERENCE_BYTES));
    SCP_H5_GOTO(done, H5Tset_tag(reference, name));
    SCP_H5_GOTO(done, H5Tregister(H5T_PERS_SOFT, name, text, reference, keep_reference));
    known = true;
    SCP_GOTO(done, scp_alloc(n, SCP_H5_REFERENCE_BYTES, refs));
    SCP_H5AT_GOTO(done, attr, NULL, H5Aread(attr, reference, *refs));
done:
    if (known) SCP_H5_KEEP(st, H5Tunregister(H5T_PERS_SOFT, name, text, reference, keep_reference));
    if (reference >= 0) H5Tclose(reference);
    if (text >= 0) H5Tclose(text);
    if (st != SCP_OK) {
        free(*refs);
        *refs = NULL;
    }
    return st;
}

scp_status scp_h5_attr_heap_texts(hid_t attr, size_t n, const char *where, char **texts, bool *seen)
{
    scp_status st = SCP_OK;
    uint8_t *refs = NULL;
    heap h = { 0 };
    const uint8_t *text;
    size_t length;
    *seen = locate(attr, &h);
    if (!*seen) return SCP_OK;
    SCP_GOTO(done, scp_h5_attr_references(attr, n, &refs));
    SCP_GOTO(done, scp_alloc(INDICES, sizeof *h.object, &h.object));
    for (size_t i = 0; i < n; i++) {
        if (!follow(&h, refs + i * SCP_H5_REFERENCE_BYTES, &text, &length))
            SCP_FAIL_GOTO(done, SCP_EDATA, "%s: the reference to text %zu is damaged", where, i);
        SCP_GOTO(done, scp_alloc(length + 1, 1, &texts[i]));
        memcpy(texts[i], text, length);
    }
done:
    heap_fini(&h);
    free(refs);
    return st;
}
