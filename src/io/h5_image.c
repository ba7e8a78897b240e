/* Files in memory, see h5.h. */
#include <stdlib.h>
#include <string.h>

#include "io/h5.h"

enum { INCREMENT = 1 << 20 }; /* by which a file grows in its memory */

scp_status scp_h5_memory_reserve(scp_h5_memory *m, size_t size)
{
    void *grown = NULL;
    if (size <= m->size) return SCP_OK;
    if (posix_memalign(&grown, SCP_H5_PAGE, size) != 0)
        SCP_FAIL(SCP_ENOMEM, "cannot allocate %zu bytes for a file in memory", size);
    if (m->size > 0) memcpy(grown, m->bytes, m->size);
    free(m->bytes);
    *m = (scp_h5_memory){ .bytes = grown, .size = size };
    return SCP_OK;
}

void scp_h5_memory_fini(scp_h5_memory *m)
{
    free(m->bytes);
    *m = (scp_h5_memory){ 0 };
}

/* ---- what HDF5 calls for the memory of the file ---- */

static void *image_realloc(void *at, size_t size, H5FD_file_image_op_t op, void *memory)
{
    scp_h5_memory *m = memory;
    (void)at; /* NULL, or what this returned before */
    (void)op;
    return scp_h5_memory_reserve(m, size) == SCP_OK ? m->bytes : NULL;
}

static void *image_malloc(size_t size, H5FD_file_image_op_t op, void *memory)
{
    return image_realloc(NULL, size, op, memory);
}

static herr_t image_free(void *at, H5FD_file_image_op_t op, void *memory)
{
    (void)at;
    (void)op;
    (void)memory; /* whose owner frees it */
    return 0;
}

static void *same_memory(void *memory)
{
    return memory;
}

static herr_t keep_memory(void *memory)
{
    (void)memory;
    return 0;
}

scp_status scp_h5_image_create(const char *path, size_t user_bytes, size_t align,
                               scp_h5_memory *memory, hid_t *file)
{
    scp_status st = SCP_OK;
    hid_t fapl = H5I_INVALID_HID, fcpl = H5I_INVALID_HID;
    SCP_ARG(path && memory && file, "path, memory and file are required");
    H5FD_file_image_callbacks_t calls = { .image_malloc = image_malloc,
                                          .image_realloc = image_realloc,
                                          .image_free = image_free,
                                          .udata_copy = same_memory,
                                          .udata_free = keep_memory,
                                          .udata = memory };
    *file = H5I_INVALID_HID;
    SCP_TRY(scp_h5_init());
    SCP_H5ID_GOTO(done, fapl, H5Pcreate(H5P_FILE_ACCESS));
    SCP_H5_GOTO(done, H5Pset_fapl_core(fapl, INCREMENT, false));
    SCP_H5_GOTO(done, H5Pset_alignment(fapl, 1, align));
    SCP_H5_GOTO(done, H5Pset_file_image_callbacks(fapl, &calls));
    SCP_H5_GOTO(done, H5Pset_fclose_degree(fapl, H5F_CLOSE_STRONG));
    SCP_H5ID_GOTO(done, fcpl, H5Pcreate(H5P_FILE_CREATE));
    SCP_H5_GOTO(done, H5Pset_userblock(fcpl, user_bytes));
    SCP_H5ID_GOTO(done, *file, H5Fcreate(path, H5F_ACC_TRUNC, fcpl, fapl));
done:
    if (fcpl >= 0) H5Pclose(fcpl);
    if (fapl >= 0) H5Pclose(fapl);
    return st;
}

scp_status scp_h5_image(hid_t file, char **bytes, size_t *n)
{
    scp_status st = SCP_OK;
    void **memory = NULL;
    ssize_t size = -1; /* without the user block */
    hsize_t user = 0;
    hid_t fapl = H5I_INVALID_HID, fcpl = H5I_INVALID_HID;
    SCP_H5_GOTO(done, H5Fflush(file, H5F_SCOPE_LOCAL));
    SCP_H5ID_GOTO(done, fapl, H5Fget_access_plist(file));
    SCP_H5_GOTO(done, H5Fget_vfd_handle(file, fapl, (void **)&memory));
    SCP_H5_GOTO(done, size = H5Fget_file_image(file, NULL, 0));
    SCP_H5ID_GOTO(done, fcpl, H5Fget_create_plist(file));
    SCP_H5_GOTO(done, H5Pget_userblock(fcpl, &user));
    *bytes = *memory;
    *n = (size_t)user + (size_t)size;
done:
    if (fcpl >= 0) H5Pclose(fcpl);
    if (fapl >= 0) H5Pclose(fapl);
    return st;
}
