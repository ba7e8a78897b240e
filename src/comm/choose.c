/* Which communicator serves the memory of a device, see scp_comm_create_for. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "comm/forward.h"

enum { ID = 16 };

/* Kind of device, level of its kernels, its identity, and what the environment asks for, of every
 * rank. */
typedef struct place {
    char backend[8], wish[16];
    int32_t level;
    uint8_t id[ID];
} place;

static scp_status gather(scp_comm *world, scp_device *dev, place **all)
{
    place mine = { .backend = "", .level = dev->backend->level };
    size_t total = 0;
    strncpy(mine.backend, dev->backend->name, sizeof mine.backend - 1);
    const char *wish = getenv("SCPPDM_COMM");
    if (wish) strncpy(mine.wish, wish, sizeof mine.wish - 1);
    if (dev->backend->uuid) dev->backend->uuid(dev, mine.id);
    return scp_comm_allgatherv(world, &mine, sizeof mine, SCP_COMM_U8, (void **)all, &total, NULL);
}

/* Ranks that share their device with a lower one. */
static int sharing(const place *p, int n)
{
    int count = 0;
    for (int i = 0; i < n; i++)
        for (int j = 0; j < i; j++)
            if (memcmp(p[i].id, p[j].id, ID) == 0) {
                count++;
                break;
            }
    return count;
}

static scp_status check_kinds(const place *p, int n)
{
    for (int i = 1; i < n; i++)
        if (strcmp(p[i].backend, p[0].backend) != 0)
            SCP_FAIL(SCP_EUSAGE,
                     "rank 0 computes on %s and rank %d on %s: give every rank the same --device",
                     p[0].backend, i, p[i].backend);
    return SCP_OK;
}

/* Kernels of different levels differ in the last bits, and so would the weights of the ranks after
 * their updates: all take the lowest level. */
static void agree_level(const place *p, int n, scp_device *dev)
{
    int least = p[0].level, most = p[0].level;
    for (int i = 1; i < n; i++) {
        if (p[i].level < least) least = p[i].level;
        if (p[i].level > most) most = p[i].level;
    }
    if (least == most) return;
    scp_device_limit(dev, least);
    scp_log(SCP_LOG_WARN,
            "the processors of the ranks, or SCPPDM_CPU_LEVEL, allow levels %d to %d of the %s "
            "kernels: all ranks take level %d",
            least, most, p[0].backend, least);
}

/* All ranks see the same, and so take the same way out. */
static scp_status check_wishes(const place *p, int n)
{
    for (int i = 1; i < n; i++)
        if (strcmp(p[i].wish, p[0].wish) != 0)
            SCP_FAIL(SCP_EUSAGE,
                     "SCPPDM_COMM is '%s' on rank 0 and '%s' on rank %d: export it to all ranks, "
                     "or to none",
                     p[0].wish, p[i].wish, i);
    return SCP_OK;
}

static scp_status choose(scp_comm *world, const place *p, bool *nccl, const char **why)
{
    const char *wish = p[0].wish;
    const int shared = sharing(p, world->size);
#ifdef HAVE_NCCL
    const bool have = true;
#else
    const bool have = false;
#endif
    *nccl = have && !shared;
    *why = !have ? "this build has no NCCL" : shared ? "ranks share a GPU" : "a GPU for every rank";
    if (!*wish) return SCP_OK;
    if (strcmp(wish, "staged") && strcmp(wish, "nccl"))
        SCP_FAIL(SCP_EUSAGE, "SCPPDM_COMM is '%s'; it may be nccl or staged", wish);
    if (!strcmp(wish, "nccl") && !*nccl)
        SCP_FAIL(SCP_EUSAGE, "SCPPDM_COMM=nccl cannot be: %s", *why);
    *nccl = !strcmp(wish, "nccl");
    *why = "SCPPDM_COMM says so";
    return SCP_OK;
}

scp_status scp_comm_create_for(scp_comm *world, scp_device *dev, scp_comm **out)
{
    place *all = NULL;
    bool nccl = false;
    const char *why = "";
    scp_status st = SCP_OK;
    SCP_ARG(world && dev && out, "communicator, device and result are required");
    *out = NULL;
    if (world->size == 1) return SCP_OK;
    SCP_TRY(gather(world, dev, &all));
    SCP_GOTO(done, check_kinds(all, world->size));
    agree_level(all, world->size, dev);
    if (dev->backend->host) goto done;
    SCP_GOTO(done, check_wishes(all, world->size));
    SCP_GOTO(done, choose(world, all, &nccl, &why));
    scp_log(SCP_LOG_INFO, "communicator: %s, %d ranks: %s", nccl ? "nccl" : "staged", world->size,
            why);
    SCP_GOTO(done, nccl ? scp_comm_create_nccl(world, dev, out)
                        : scp_comm_create_staged(world, dev, out));
done:
    free(all);
    return st;
}
