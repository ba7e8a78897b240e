/* The device probe answers on every machine: a count, or zero and the reason in words. The backend
 * is in the table of backends; without a device it says why it cannot be used, and "auto" goes on
 * without it. */
#include <string.h>

#include "backend/cuda/probe.h"
#include "backend/cuda/register.h"
#include "tap.h"

int main(void)
{
    char why[256] = "untouched";
    const char *reason = "";
    scp_device *dev = NULL;
    char tiny[8];
    int count = -1;

    scp_cuda_probe(&count, why, sizeof why);
    tap_ok(count >= 0, "the count is set: %d", count);
    tap_ok((count > 0) == (why[0] == '\0'), "a reason is given exactly when there is no device");
    if (count == 0)
        tap_ok(strncmp(why, "no CUDA device: ", 16) == 0, "the reason is in words: %s", why);
    scp_cuda_probe(&count, tiny, sizeof tiny);
    tap_ok(memchr(tiny, '\0', sizeof tiny) != NULL, "a short buffer is terminated");
    tap_ok(scp_cuda_backend.available(&reason) == (count > 0),
           "the backend is available where there is a device");
    if (count == 0) {
        tap_ok(strstr(reason, "no CUDA device") != NULL, "and says what is missing: %s", reason);
        tap_fails(scp_device_open("cuda", &dev), SCP_EDEVICE, "CUDA", "--device cuda says why not");
    }
    tap_st(scp_device_open("auto", &dev), "--device auto opens");
    tap_text(dev ? dev->backend->name : "", count ? "cuda" : "cpu",
             count ? "the GPU" : "and falls back to the CPU");
    scp_device_close(&dev);
    return tap_done();
}
