/* Checked HDF5: error stack to chain, files, groups, opening of datasets. */
#include "io/h5.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "io/h5_lzf.h"
#include "io/h5_version.h"

scp_status scp_h5_init(void)
{
    if (H5open() < 0 || H5Eset_auto2(H5E_DEFAULT, NULL, NULL) < 0 ||
        (H5Zfilter_avail(SCP_H5_LZF) <= 0 && H5Zregister(&scp_h5_lzf) < 0))
        SCP_FAIL(SCP_EINTERNAL, "cannot start the HDF5 library");
    return SCP_OK;
}

/* What the raised message keeps of HDF5's stack: the first cause and the call that gave up. */
typedef struct stack_view {
    unsigned n;
    bool writing; /* some call could not write */
    hid_t cause_major, cause_minor;
    char cause[512], call[256];
} stack_view;

static herr_t view_record(unsigned i, const H5E_error2_t *e, void *data)
{
    stack_view *v = data;
    (void)i;
    v->writing |= e->min_num == H5E_WRITEERROR;
    if (v->n++ == 0) {
        v->cause_major = e->maj_num;
        v->cause_minor = e->min_num;
        snprintf(v->cause, sizeof v->cause, "%s", e->desc ? e->desc : "unknown cause");
        for (char *c = v->cause; *c; c++) /* the time in it ends with a newline */
            if (*c == '\n') *c = ' ';
    }
    snprintf(v->call, sizeof v->call, "%s", e->desc ? e->desc : "unknown call");
    return 0;
}

static scp_status stack_status(const stack_view *v)
{
    if (v->n == 0) return SCP_EINTERNAL;
    if (v->n == 1 && v->cause_major == H5E_ARGS) return SCP_EINTERNAL;
    if (v->cause_major == H5E_RESOURCE || v->cause_minor == H5E_CANTALLOC) return SCP_ENOMEM;
    if (v->writing) return SCP_EIO; /* MPI-IO does not say why */
    /* what the system refused carries its errno; the rest of this class are impossible addresses */
    if (v->cause_major == H5E_IO && strstr(v->cause, "errno")) return SCP_EIO;
    if (v->cause_major == H5E_FILE && v->cause_minor == H5E_CANTOPENFILE) return SCP_EIO;
    return SCP_EDATA;
}

const char *scp_h5_where(hid_t loc, const char *name, char *buf, size_t size)
{
    char file[SCP_PATH_MAX] = "", object[512] = "";
    if (loc >= 0 && H5Iis_valid(loc) > 0) {
        if (H5Fget_name(loc, file, sizeof file) < 0) file[0] = '\0';
        if (H5Iget_type(loc) == H5I_FILE || H5Iget_name(loc, object, sizeof object) < 0)
            object[0] = '\0';
    }
    if (object[0] == '/' && object[1] == '\0') object[0] = '\0';
    snprintf(buf, size, "%s%s%s%s%s", file, file[0] && (object[0] || name) ? ":" : "", object,
             file[0] && name && name[0] != '/' ? "/" : "", name ? name : "");
    return buf;
}

/* Of what HDF5's driver tells about a refused call, the file and the system's words. */
static void shorten(char *cause)
{
    static const char file_key[] = "filename = '", error_key[] = "error message = '";
    char *name = strstr(cause, file_key), *error = strstr(cause, error_key), text[512];
    if (!name || !error || error < name) return;
    name += sizeof file_key - 1;
    error += sizeof error_key - 1;
    snprintf(text, sizeof text, "%.*s: %.*s", (int)strcspn(name, "'"), name,
             (int)strcspn(error, "'"), error);
    memcpy(cause, text, sizeof text);
}

scp_status scp_h5_raise(const char *file, int line, const char *call, hid_t loc, const char *name)
{
    stack_view v = { 0 };
    char where[SCP_PATH_MAX + 600];
    H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, view_record, &v);
    H5Eclear2(H5E_DEFAULT);
    scp_status st = stack_status(&v);
    shorten(v.cause);
    scp_h5_where(loc, name, where, sizeof where);
    if (v.n == 0) snprintf(v.call, sizeof v.call, "a call failed without a reason");
    return scp_err_raise(st, file, line, call, "%s%sHDF5: %s%s%s", where, where[0] ? ": " : "",
                         v.call, v.n > 1 ? ": " : "", v.n > 1 ? v.cause : "");
}

/* Files of one process. Closing is strong, so that an error path needs to close nothing else; locks
 * that the file system does not know (Lustre, NFS) are ignored. */
static scp_status serial_access(hid_t *fapl)
{
    scp_status st = SCP_OK;
    *fapl = H5I_INVALID_HID;
    SCP_GOTO(done, scp_h5_init());
    SCP_H5ID_GOTO(done, *fapl, H5Pcreate(H5P_FILE_ACCESS));
    SCP_H5_GOTO(done, H5Pset_fclose_degree(*fapl, H5F_CLOSE_STRONG));
    SCP_H5_GOTO(done, H5Pset_file_locking(*fapl, true, true));
done:
    if (st != SCP_OK && *fapl >= 0) {
        H5Pclose(*fapl);
        *fapl = H5I_INVALID_HID;
    }
    return st;
}

scp_status scp_h5_open(const char *path, hid_t *file)
{
    hid_t fapl = H5I_INVALID_HID;
    SCP_ARG(path && file, "path and file are required");
    *file = H5I_INVALID_HID;
    if (access(path, F_OK) != 0) SCP_FAIL(SCP_ENOINPUT, "%s: no such file", path);
    if (scp_fs_is_dir(path)) SCP_FAIL(SCP_ENOINPUT, "%s: a folder, not a file", path);
    SCP_TRY(serial_access(&fapl));
    *file = H5Fopen(path, H5F_ACC_RDONLY, fapl);
    scp_status st = SCP_OK;
    if (*file < 0) {
        stack_view v = { 0 };
        H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, view_record, &v);
        st = scp_err_raise(stack_status(&v), __FILE__, __LINE__, "H5Fopen",
                           "%s: not a readable HDF5 file, or truncated (HDF5: %s)", path, v.cause);
    }
    H5Pclose(fapl);
    return st;
}

scp_status scp_h5_create(const char *path, hid_t *file)
{
    SCP_TRY(scp_h5_create_after(path, 0, file));
    return SCP_OK;
}

scp_status scp_h5_create_after(const char *path, size_t user_bytes, hid_t *file)
{
    scp_status st = SCP_OK;
    hid_t fapl = H5I_INVALID_HID, fcpl = H5I_INVALID_HID;
    SCP_ARG(path && file, "path and file are required");
    *file = H5I_INVALID_HID;
    SCP_TRY(serial_access(&fapl));
    SCP_H5ID_GOTO(done, fcpl, H5Pcreate(H5P_FILE_CREATE));
    SCP_H5_GOTO(done, H5Pset_userblock(fcpl, user_bytes));
    *file = H5Fcreate(path, H5F_ACC_TRUNC, fcpl, fapl);
    if (*file < 0) {
        stack_view v = { 0 };
        H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, view_record, &v);
        st = scp_err_raise(SCP_EIO, __FILE__, __LINE__, "H5Fcreate", "%s: cannot create (HDF5: %s)",
                           path, v.cause);
    }
done:
    if (fcpl >= 0) H5Pclose(fcpl);
    H5Pclose(fapl);
    return st;
}

/* Is there room on the disk for n more bytes at the end of a file? */
static bool has_room(int fd, size_t n)
{
    struct stat info;
    if (fstat(fd, &info) != 0) return true;
    int code = posix_fallocate(fd, info.st_size, (off_t)n);
    return ftruncate(fd, info.st_size) != 0 || (code != ENOSPC && code != EDQUOT);
}

/* A file that HDF5 cannot write at closing stays half open, and HDF5 crashes on it when the program
 * ends. So on a full disk the file, which is lost, gives its own space back before it is closed.
 * @return is it lost? */
static bool yield_space(hid_t file)
{
    enum { SPARE = 1 << 16 };
    unsigned intent = H5F_ACC_RDONLY;
    size_t cached = 0;
    int *fd = NULL;
    bool lost = false;
    hid_t fapl = H5Fget_access_plist(file);
    if (fapl >= 0 && H5Pget_driver(fapl) == H5FD_SEC2 && H5Fget_intent(file, &intent) >= 0 &&
        (intent & H5F_ACC_RDWR) && H5Fget_mdc_size(file, NULL, NULL, &cached, NULL) >= 0 &&
        H5Fget_vfd_handle(file, fapl, (void **)&fd) >= 0 && fd)
        lost = !has_room(*fd, cached + SPARE) && ftruncate(*fd, 0) == 0;
    if (fapl >= 0) H5Pclose(fapl);
    return lost;
}

scp_status scp_h5_close(hid_t *file)
{
    scp_status st = SCP_OK;
    char where[1024];
    if (!file || *file < 0) return SCP_OK;
    scp_h5_where(*file, NULL, where, sizeof where);
    bool lost = yield_space(*file);
    SCP_H5_KEEP(st, H5Fclose(*file));
    *file = H5I_INVALID_HID;
    if (lost && st == SCP_OK) SCP_FAIL(SCP_EIO, "%s: no space left on the disk", where);
    return st;
}

const char *scp_h5_version(char *buf, size_t size)
{
    unsigned major = 0, minor = 0, release = 0;
    if (H5get_libversion(&major, &minor, &release) < 0) major = minor = release = 0;
    snprintf(buf, size, "%u.%u.%u", major, minor, release);
    return buf;
}

bool scp_h5_exists(hid_t loc, const char *name)
{
    char part[1024];
    size_t len = strlen(name);
    if (len == 0 || len >= sizeof part) return false;
    memcpy(part, name, len + 1);
    for (size_t i = 1; i <= len; i++) { /* every link on the way must exist */
        if (name[i] != '/' && name[i] != '\0') continue;
        part[i] = '\0';
        if (H5Lexists(loc, part, H5P_DEFAULT) <= 0) return false;
        part[i] = name[i];
    }
    return H5Oexists_by_name(loc, name, H5P_DEFAULT) > 0;
}

static H5O_type_t object_type(hid_t loc, const char *name)
{
    H5O_info_t info;
    if (!scp_h5_exists(loc, name)) return H5O_TYPE_UNKNOWN;
    if (H5Oget_info_by_name2(loc, name, &info, H5O_INFO_BASIC, H5P_DEFAULT) < 0)
        return H5O_TYPE_UNKNOWN;
    return info.type;
}

bool scp_h5_is_group(hid_t loc, const char *name)
{
    return object_type(loc, name) == H5O_TYPE_GROUP;
}

bool scp_h5_is_dataset(hid_t loc, const char *name)
{
    return object_type(loc, name) == H5O_TYPE_DATASET;
}

scp_status scp_h5_parents(hid_t *lcpl)
{
    scp_status st = SCP_OK;
    SCP_H5ID_GOTO(done, *lcpl, H5Pcreate(H5P_LINK_CREATE));
    SCP_H5_GOTO(done, H5Pset_create_intermediate_group(*lcpl, 1));
done:
    return st;
}

scp_status scp_h5_group_create(hid_t loc, const char *name, hid_t *group)
{
    scp_status st = SCP_OK;
    hid_t lcpl = H5I_INVALID_HID, g = H5I_INVALID_HID;
    SCP_GOTO(done, scp_h5_parents(&lcpl));
    SCP_H5IDAT_GOTO(done, loc, name, g, H5Gcreate2(loc, name, lcpl, H5P_DEFAULT, H5P_DEFAULT));
done:
    if (lcpl >= 0) H5Pclose(lcpl);
    if (group)
        *group = g;
    else if (g >= 0)
        SCP_H5_KEEP(st, H5Gclose(g));
    return st;
}

scp_status scp_h5_group_open(hid_t loc, const char *name, hid_t *group)
{
    scp_status st = SCP_OK;
    SCP_H5IDAT_GOTO(done, loc, name, *group, H5Gopen2(loc, name, H5P_DEFAULT));
done:
    return st;
}

/* Refuse a dataset whose filters this library cannot undo, with the filter's name in the message.
 */
static scp_status check_filters(hid_t dset)
{
    scp_status st = SCP_OK;
    hid_t dcpl = H5I_INVALID_HID;
    char where[SCP_PATH_MAX + 600], name[128] = "";
    SCP_H5IDAT_GOTO(done, dset, NULL, dcpl, H5Dget_create_plist(dset));
    int n = H5Pget_nfilters(dcpl);
    for (int i = 0; i < n; i++) {
        unsigned flags = 0, config = 0;
        size_t n_values = 0;
        H5Z_filter_t id =
            H5Pget_filter2(dcpl, (unsigned)i, &flags, &n_values, NULL, sizeof name, name, &config);
        if (id < 0 || H5Zfilter_avail(id) > 0) continue;
        SCP_FAIL_GOTO(done, SCP_EDATA,
                      "%s: compressed with filter %d (%s), which this HDF5 cannot read; write the "
                      "file again with gzip compression, or set HDF5_PLUGIN_PATH to the plug-in",
                      scp_h5_where(dset, NULL, where, sizeof where), (int)id,
                      name[0] ? name : "no name");
    }
done:
    if (dcpl >= 0) H5Pclose(dcpl);
    return st;
}

static scp_status dataset_open(hid_t loc, const char *name, hid_t dapl, hid_t *dset)
{
    scp_status st = SCP_OK;
    SCP_H5IDAT_GOTO(done, loc, name, *dset, H5Dopen2(loc, name, dapl));
    SCP_GOTO(done, check_filters(*dset));
done:
    if (st != SCP_OK && *dset >= 0) {
        H5Dclose(*dset);
        *dset = H5I_INVALID_HID;
    }
    return st;
}

scp_status scp_h5_dataset_open(hid_t loc, const char *name, hid_t *dset)
{
    SCP_TRY(dataset_open(loc, name, H5P_DEFAULT, dset));
    return SCP_OK;
}

/* Bytes of the chunks that one entry of dimension 0 crosses, and of one more; 0: not chunked. */
static scp_status chunks_along(hid_t dset, size_t *bytes, size_t *count)
{
    scp_status st = SCP_OK;
    hid_t dcpl = H5I_INVALID_HID, type = H5I_INVALID_HID;
    hsize_t chunk[SCP_H5_MAX_RANK];
    size_t dims[SCP_H5_MAX_RANK];
    int rank = 0;
    *bytes = *count = 0;
    SCP_GOTO(done, scp_h5_extent(dset, &rank, dims));
    SCP_H5IDAT_GOTO(done, dset, NULL, dcpl, H5Dget_create_plist(dset));
    if (rank == 0 || H5Pget_layout(dcpl) != H5D_CHUNKED) goto done;
    SCP_H5AT_GOTO(done, dset, NULL, H5Pget_chunk(dcpl, rank, chunk));
    SCP_H5IDAT_GOTO(done, dset, NULL, type, H5Dget_type(dset));
    *bytes = H5Tget_size(type) * (size_t)chunk[0];
    *count = 1;
    for (int d = 1; d < rank; d++) {
        size_t n = (dims[d] + (size_t)chunk[d] - 1) / (size_t)chunk[d];
        *count *= n;
        *bytes *= n * (size_t)chunk[d];
    }
    *bytes += *bytes / (*count ? *count : 1);
    ++*count;
done:
    if (type >= 0) H5Tclose(type);
    if (dcpl >= 0) H5Pclose(dcpl);
    return st;
}

scp_status scp_h5_dataset_open_cached(hid_t loc, const char *name, hid_t *dset)
{
    const size_t least = (size_t)1 << 20, most = (size_t)1 << 28;
    scp_status st = SCP_OK;
    hid_t dapl = H5I_INVALID_HID;
    size_t bytes, count;
    SCP_TRY(dataset_open(loc, name, H5P_DEFAULT, dset));
    SCP_GOTO(done, chunks_along(*dset, &bytes, &count));
    if (bytes <= least || bytes > most) goto done; /* HDF5's own cache does, or none would */
    SCP_H5ID_GOTO(done, dapl, H5Pcreate(H5P_DATASET_ACCESS));
    SCP_H5_GOTO(done, H5Pset_chunk_cache(dapl, 100 * count + 1, bytes, 1.0));
    H5Dclose(*dset);
    *dset = H5I_INVALID_HID;
    SCP_GOTO(done, dataset_open(loc, name, dapl, dset));
done:
    if (dapl >= 0) H5Pclose(dapl);
    if (st != SCP_OK && *dset >= 0) {
        H5Dclose(*dset);
        *dset = H5I_INVALID_HID;
    }
    return st;
}
