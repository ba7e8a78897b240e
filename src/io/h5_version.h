/* The HDF5 library in use, for rooms that do not see HDF5. */
#ifndef SCP_IO_H5_VERSION_H
#define SCP_IO_H5_VERSION_H

#include <stddef.h>

/** Version of the HDF5 library at run time, e.g. "1.10.8". Returns buf. Not collective. */
const char *scp_h5_version(char *buf, size_t size);

#endif
