/* HDF5 files in memory, see h5.h. */
#include "io/h5.h"

enum { INCREMENT = 16 << 20 }; /* by which the memory grows */

scp_status scp_h5_image_create(const char *path, size_t user_bytes, hid_t *file)
{
    scp_status st = SCP_OK;
    hid_t fapl = H5I_INVALID_HID, fcpl = H5I_INVALID_HID;
    SCP_ARG(path && file, "path and file are required");
    *file = H5I_INVALID_HID;
    SCP_TRY(scp_h5_init());
    SCP_H5ID_GOTO(done, fapl, H5Pcreate(H5P_FILE_ACCESS));
    SCP_H5_GOTO(done, H5Pset_fapl_core(fapl, INCREMENT, false));
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
