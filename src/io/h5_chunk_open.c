/* How a dataset is stored, and whether h5_chunk.c can undo it itself. */
#include "base/hash.h"
#include "io/h5_chunk.h"
#include "io/h5_lzf.h"
#include "io/h5_sound.h"

enum { PIECE = 1 << 16 }; /* elements of a piece of what is not stored in chunks */

/* The filters that are understood: shuffle, then one that packs, both optional. */
static bool known_filters(hid_t dcpl, scp_h5_chunks *c)
{
    int n = H5Pget_nfilters(dcpl);
    for (int k = 0; k < n; k++) {
        unsigned flags = 0, config = 0;
        size_t n_values = 0;
        char name[1];
        H5Z_filter_t id =
            H5Pget_filter2(dcpl, (unsigned)k, &flags, &n_values, NULL, sizeof name, name, &config);
        if (c->packing != SCP_H5_PLAIN) return false;
        if (id == H5Z_FILTER_SHUFFLE && !c->shuffle) {
            c->shuffle = c->bytes > 1; /* of single bytes nothing changes */
            c->shuffle_bit = 1U << k;
        } else if (id == H5Z_FILTER_DEFLATE || id == SCP_H5_LZF) {
            c->packing = id == SCP_H5_LZF ? SCP_H5_LZF_PACKED : SCP_H5_DEFLATED;
            c->packing_bit = 1U << k;
        } else {
            return false;
        }
    }
    return n >= 0;
}

static bool open_chunked(hid_t dcpl, int rank, scp_h5_chunks *c)
{
    hsize_t chunk[2] = { 1, 1 };
    unsigned edges = 0;
    if (H5Pget_chunk(dcpl, rank, chunk) < 0 || H5Pget_chunk_opts(dcpl, &edges) < 0 || edges != 0 ||
        !known_filters(dcpl, c))
        return false;
    c->store = SCP_H5_STORED_CHUNKS;
    for (int d = 0; d < 2; d++) c->chunk[d] = (size_t)chunk[d];
    return c->chunk[0] > 0 && c->chunk[1] > 0 && c->chunk[0] <= UINT32_MAX / c->chunk[1] / c->bytes;
}

/* The descriptor and the place of contiguous data, if they can be seen. */
static bool open_whole(hid_t file, hid_t fapl, hid_t fcpl, scp_h5_chunks *c)
{
    hsize_t user = 0;
    void *fd = NULL;
    haddr_t at = H5Dget_offset(c->dset);
    if (at == HADDR_UNDEF || H5Pget_driver(fapl) != H5FD_SEC2 ||
        H5Pget_userblock(fcpl, &user) < 0 || user != 0 || H5Fget_vfd_handle(file, fapl, &fd) < 0)
        return false;
    c->store = SCP_H5_STORED_WHOLE;
    c->fd = *(int *)fd;
    c->offset = at;
    return true;
}

/* What is not in chunks is cut into pieces of whole rows. */
static void cut_pieces(scp_h5_chunks *c)
{
    size_t rows = c->dims[1] == 0 || c->dims[1] > PIECE ? 1 : PIECE / c->dims[1];
    c->chunk[0] = rows;
    c->chunk[1] = c->dims[1];
}

static void choose_store(hid_t file, hid_t dcpl, int rank, scp_h5_chunks *c)
{
    unsigned intent = H5F_ACC_RDWR; /* HDF5 may hold back what it has not written yet */
    hid_t fapl = H5Fget_access_plist(file), fcpl = H5Fget_create_plist(file);
    bool known = c->bytes > 0 && H5Fget_intent(file, &intent) >= 0 && intent == H5F_ACC_RDONLY;
    H5D_layout_t layout = H5Pget_layout(dcpl);
    if (known && layout == H5D_CHUNKED)
        known = open_chunked(dcpl, rank, c);
    else
        known = known && layout == H5D_CONTIGUOUS && open_whole(file, fapl, fcpl, c);
    if (!known) {
        c->store = SCP_H5_CONVERTED;
        c->type = c->integer ? SCP_H5_I4 : SCP_H5_F4;
        c->bytes = 4;
        c->packing = SCP_H5_PLAIN;
        c->shuffle = false;
    }
    if (c->store != SCP_H5_STORED_CHUNKS) cut_pieces(c);
    if (fcpl >= 0) H5Pclose(fcpl);
    if (fapl >= 0) H5Pclose(fapl);
    H5Eclear2(H5E_DEFAULT);
}

/* Chunks without filters are all as long as a chunk. When the list of filters is what is damaged,
 * HDF5 takes packed bytes for numbers, and reads beyond their end. */
static scp_status check_plain(const scp_h5_chunks *c)
{
    uint64_t stored = H5Dget_storage_size(c->dset), chunk = c->chunk[0] * c->chunk[1] * c->bytes;
    if (stored != chunk * c->count[0] * c->count[1])
        SCP_FAIL(SCP_EDATA,
                 "%s: damaged: %llu bytes are stored in %zu chunks of %llu bytes without a filter",
                 c->where, (unsigned long long)stored, c->count[0] * c->count[1],
                 (unsigned long long)chunk);
    return SCP_OK;
}

/* c->bytes, of an element, is set; 0: of a type that only HDF5 knows. */
static scp_status open_chunks(scp_h5_chunks *c)
{
    scp_status st = SCP_OK;
    hid_t file = H5I_INVALID_HID, dcpl = H5I_INVALID_HID, dset = c->dset;
    size_t dims[SCP_H5_MAX_RANK];
    char name[512] = "";
    hsize_t size = 0;
    int rank = 0;
    SCP_GOTO(done, scp_h5_extent(dset, &rank, dims));
    int least = c->any ? 0 : 1;
    if (rank < least || rank > 2)
        SCP_FAIL_GOTO(done, SCP_EDATA, "%s: %d dimensions, 1 or 2 were expected", c->where, rank);
    for (int d = 0; d < 2; d++) c->dims[d] = dims[d];
    SCP_H5IDAT_GOTO(done, dset, NULL, dcpl, H5Dget_create_plist(dset));
    SCP_H5IDAT_GOTO(done, dset, NULL, file, H5Iget_file_id(dset));
    SCP_H5AT_GOTO(done, dset, NULL, H5Fget_filesize(file, &size));
    SCP_H5AT_GOTO(done, dset, NULL, H5Iget_name(dset, name, sizeof name));
    c->file_size = size;
    c->seed = scp_hash_text(name, 0);
    choose_store(file, dcpl, rank, c);
    if (c->store == SCP_H5_CONVERTED) SCP_GOTO(done, scp_h5_check_chunks(dset, c->where));
    for (int d = 0; d < 2; d++)
        c->count[d] = c->dims[d] / (c->chunk[d] ? c->chunk[d] : 1) +
                      (c->chunk[d] && c->dims[d] % c->chunk[d] != 0);
    if (c->store == SCP_H5_STORED_CHUNKS && H5Pget_nfilters(dcpl) == 0)
        SCP_GOTO(done, check_plain(c));
done:
    if (file >= 0) H5Fclose(file);
    if (dcpl >= 0) H5Pclose(dcpl);
    return st;
}

scp_status scp_h5_chunks_open(hid_t dset, bool integer, pthread_mutex_t *lock, scp_h5_chunks *c)
{
    *c = (scp_h5_chunks){ .dset = dset, .lock = lock, .integer = integer, .fd = -1 };
    scp_h5_where(dset, NULL, c->where, sizeof c->where);
    SCP_TRY(scp_h5_check_number(dset, integer));
    hid_t type = H5Dget_type(dset);
    c->type = scp_h5_number_of(type);
    c->bytes = c->type < SCP_H5_N_NUMBERS ? scp_h5_number_bytes(c->type) : 0;
    if (type >= 0) H5Tclose(type);
    return open_chunks(c);
}

scp_status scp_h5_chunks_open_bytes(hid_t dset, size_t bytes, pthread_mutex_t *lock,
                                    scp_h5_chunks *c)
{
    *c = (scp_h5_chunks){
        .dset = dset, .lock = lock, .fd = -1, .type = SCP_H5_N_NUMBERS, .any = true, .bytes = bytes
    };
    scp_h5_where(dset, NULL, c->where, sizeof c->where);
    return open_chunks(c);
}
