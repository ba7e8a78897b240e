/* Which GPU the GPU scripts would use: its name on stdout, or why there is none on stderr and 77.
 */
#include <stdio.h>

#include "dev/device.h"

int main(void)
{
    scp_device *dev = NULL;
    char name[256];
    size_t left = 0, total = 0;
    if (scp_device_open("cuda", &dev) != SCP_OK) {
        fprintf(stderr, "%s\n", scp_err_message());
        return 77;
    }
    scp_device_name(dev, name, sizeof name);
    if (scp_device_memory(dev, &left, &total) != SCP_OK) fprintf(stderr, "%s\n", scp_err_message());
    printf("%s, %.1f of %.1f GiB free\n", name, (double)left / 1073741824,
           (double)total / 1073741824);
    scp_device_close(&dev);
    return 0;
}
