/* Taking over parts of an earlier run. */
#include "data/bulk_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"

#define CHECK_BYTES ((size_t)32 << 20) /* rows that are checked at a time */

scp_status scp_bulk_part_path(const scp_bulk_parts *p, scp_bulk_range r, char *buf, size_t size)
{
    return scp_str_format(buf, size, "%s/part-%07zu-%07zu.h5", p->dir, r.first, r.end);
}

const char *scp_bulk_plates_text(const scp_bulk_plan *plan, scp_bulk_range r, char *buf,
                                 size_t size)
{
    const char *first = plan->plate_name[plan->plate[r.first]];
    const char *last = plan->plate_name[plan->plate[r.end - 1]];
    if (first == last)
        snprintf(buf, size, "plate %s", first);
    else
        snprintf(buf, size, "plates %s to %s", first, last);
    return buf;
}

/* Does a part belong to the plan? Otherwise why not, for people. */
static const char *misfit(const scp_bulk_plan *plan, const scp_part *p)
{
    const scp_bulk_range r = { p->first, p->end };
    if (p->plan != plan->hash) return "it belongs to another plan (other inputs, settings or seed)";
    if (r.end <= r.first || r.end > plan->P || p->rows[0] != r.end - r.first ||
        p->rows[1] != scp_bulk_sub_bulks(plan, r) || p->slots != scp_bulk_slots(plan, r) ||
        p->n_files != plan->n_files)
        return "its sizes are not those of the plan";
    for (size_t k = 0; k < p->K; k++)
        if (p->gene[k] < 0 || (size_t)p->gene[k] >= plan->G ||
            (k > 0 && p->gene[k] <= p->gene[k - 1]))
            return "its genes are not those of the plan";
    return NULL;
}

/* This rank's share of the rows of a part: do their checksums hold? */
static scp_status check_rows(scp_comm *comm, const char *path, const scp_part *p)
{
    scp_status st = SCP_OK;
    scp_part_reader *reader = NULL;
    float *x = NULL;
    size_t block = CHECK_BYTES / ((p->K + 1) * sizeof *x) + 1;
    SCP_GOTO(done, scp_alloc(block * p->K, sizeof *x, &x));
    SCP_GOTO(done, scp_part_open(path, p, &reader));
    for (int m = 0; m < SCP_ROWS_MATRICES; m++) {
        size_t at, end;
        scp_comm_share(comm, p->rows[m], &at, &end);
        for (; at < end; at += block) {
            size_t n = end - at < block ? end - at : block;
            SCP_GOTO(done, scp_part_rows(reader, m, at, n, x));
        }
    }
done:
    scp_part_close(&reader);
    free(x);
    return st;
}

/* A part in the order of profiles. */
static scp_status insert(scp_bulk_parts *p, const scp_part *part)
{
    size_t at = p->n;
    SCP_TRY(scp_grow(&p->part, &p->cap, p->n + 1, sizeof *p->part));
    for (; at > 0 && p->part[at - 1].first > part->first; at--) p->part[at] = p->part[at - 1];
    p->part[at] = *part;
    p->n++;
    return SCP_OK;
}

/* What all ranks together make of a file. */
typedef enum verdict { WHOLE, UNFIT, UNREAD } verdict; /* UNREAD: some rank could not read it */

/* The worst of all ranks: SCP_EDATA of any makes it unfit, unless another could not read at all. */
static scp_status agree_verdict(scp_comm *comm, scp_status st, verdict *v)
{
    int64_t worst = st == SCP_OK ? WHOLE : st == SCP_EDATA ? UNFIT : UNREAD;
    SCP_TRY(scp_comm_allreduce(comm, &worst, 1, SCP_COMM_I64, SCP_COMM_MAX));
    *v = (verdict)worst;
    return SCP_OK;
}

/* Read and check one file on all ranks: the tables on each, the rows shared. *own: of this rank. */
static scp_status check_part(scp_comm *comm, const scp_bulk_plan *plan, const scp_bulk_parts *p,
                             const char *path, scp_part *part, scp_status *own, verdict *v)
{
    const char *text = NULL;
    *own = scp_part_read(path, part);
    if (*own == SCP_OK && (text = misfit(plan, part)))
        *own = scp_err_raise(SCP_EDATA, __FILE__, __LINE__, NULL, "%s", text);
    for (size_t i = 0; *own == SCP_OK && i < p->n; i++)
        if (part->first < p->part[i].end && p->part[i].first < part->end)
            *own = scp_err_raise(SCP_EDATA, __FILE__, __LINE__, NULL,
                                 "its profiles are in another part too");
    SCP_TRY(agree_verdict(comm, *own, v));
    if (*v == WHOLE) {
        *own = check_rows(comm, path, part);
        SCP_TRY(agree_verdict(comm, *own, v));
    }
    if (*v != WHOLE) scp_part_fini(part);
    return SCP_OK;
}

/* Do all bytes of the file come? */
static scp_status scan(const char *path)
{
    enum { BYTES = 1 << 20 };
    char *bytes = NULL;
    ssize_t n = -1;
    SCP_TRY(scp_alloc(BYTES, 1, &bytes));
    int fd = open(path, O_RDONLY | O_CLOEXEC), why = errno;
    while (fd >= 0 && (n = read(fd, bytes, BYTES)) > 0) {
    }
    if (fd >= 0 && n < 0) why = errno;
    if (fd >= 0) close(fd);
    free(bytes);
    if (n < 0) SCP_FAIL(SCP_EIO, "%s cannot be read: %s", path, strerror(why));
    return SCP_OK;
}

/* HDF5 does not always say why it failed: what looks like damage may be a disk that did not answer.
 * So every byte is read once more without it, and then the part again: if the bytes come and it is
 * still not what was written, then it is damaged. */
static scp_status check_twice(scp_comm *comm, const scp_bulk_plan *plan, const scp_bulk_parts *p,
                              const char *path, scp_part *part, scp_status *own, verdict *v)
{
    SCP_TRY(check_part(comm, plan, p, path, part, own, v));
    if (*v != UNFIT) return SCP_OK;
    scp_err_clear();
    *own = scan(path);
    SCP_TRY(agree_verdict(comm, *own, v));
    if (*v != WHOLE) return SCP_OK;
    return check_part(comm, plan, p, path, part, own, v);
}

static scp_status take_over(scp_comm *comm, const scp_bulk_plan *plan, scp_bulk_parts *p,
                            const char *name)
{
    char path[SCP_PATH_MAX], plates[256];
    scp_part part = { 0 };
    bool root = scp_comm_rank(comm) == 0;
    scp_status own = SCP_OK;
    verdict v;
    SCP_TRY(scp_agree(comm, scp_fs_join(path, sizeof path, p->dir, name)));
    SCP_TRY(check_twice(comm, plan, p, path, &part, &own, &v));
    if (v == UNREAD) return scp_agree(comm, own); /* it may be whole: it stays */
    if (v == WHOLE) {
        const scp_bulk_range r = { part.first, part.end };
        SCP_TRY(scp_agree(comm, insert(p, &part)));
        if (root)
            scp_log(SCP_LOG_INFO, "%s: %zu profile%s done before, taken over",
                    scp_bulk_plates_text(plan, r, plates, sizeof plates), r.end - r.first,
                    r.end - r.first == 1 ? "" : "s");
        return SCP_OK;
    }
    SCP_TRY(scp_comm_barrier(comm)); /* nobody has it open */
    if (root)
        scp_log(SCP_LOG_WARN, "%s is removed: %s", path,
                own != SCP_OK ? scp_err_message() : "another rank found a row damaged");
    if (root) scp_fs_remove(path);
    scp_err_clear();
    return SCP_OK;
}

/* Rank 0: the folder exists, temporaries do not if the folder is `own`; names of what might be
 * parts, one after the other with their NULs. */
static scp_status look(const char *dir, bool own, scp_strbuf *names)
{
    scp_status st = SCP_OK;
    char **name = NULL, path[SCP_PATH_MAX];
    size_t n = 0;
    SCP_TRY(scp_fs_mkdirs(dir));
    SCP_GOTO(done, scp_fs_list(dir, "", &name, &n));
    for (size_t i = 0; i < n; i++) {
        if (strncmp(name[i], "part-", 5) != 0) continue;
        SCP_GOTO(done, scp_fs_join(path, sizeof path, dir, name[i]));
        if (!strstr(name[i], ".tmp."))
            SCP_GOTO(done, scp_strbuf_addn(names, name[i], strlen(name[i]) + 1));
        else if (own)
            scp_fs_remove(path);
    }
done:
    scp_fs_list_free(name, n);
    return st;
}

scp_status scp_bulk_parts_open(scp_comm *comm, const scp_bulk_plan *plan, const char *dir, bool own,
                               scp_bulk_parts **out)
{
    SCP_ARG(comm && plan && dir && out, "communicator, plan, folder and result are required");
    scp_status st = SCP_OK;
    scp_strbuf names = { 0 };
    void *all = NULL;
    *out = NULL;
    st = scp_alloc(1, sizeof **out, out);
    if (st == SCP_OK) st = scp_str_format((*out)->dir, sizeof(*out)->dir, "%s", dir);
    if (st == SCP_OK && scp_comm_rank(comm) == 0) st = look(dir, own, &names);
    SCP_GOTO(done, scp_agree(comm, st));
    size_t bytes = names.len;
    all = names.text;
    SCP_GOTO(done, scp_comm_bcast_bytes(comm, &all, &bytes, 0));
    for (const char *at = all; bytes > 0 && at < (const char *)all + bytes; at += strlen(at) + 1)
        SCP_GOTO(done, take_over(comm, plan, *out, at));
done:
    free(all);
    if (st != SCP_OK) scp_bulk_parts_destroy(out);
    return st;
}

void scp_bulk_parts_destroy(scp_bulk_parts **p)
{
    if (!p || !*p) return;
    for (size_t i = 0; i < (*p)->n; i++) scp_part_fini(&(*p)->part[i]);
    free((*p)->part);
    free(*p);
    *p = NULL;
}

scp_status scp_bulk_parts_add(scp_comm *comm, scp_bulk_parts *p, scp_bulk_range r)
{
    char path[SCP_PATH_MAX];
    scp_part part = { 0 };
    scp_status st = scp_bulk_part_path(p, r, path, sizeof path);
    if (st == SCP_OK) st = scp_part_read(path, &part);
    if (st == SCP_OK) st = insert(p, &part);
    if (st != SCP_OK) scp_part_fini(&part);
    return scp_agree(comm, st);
}

scp_status scp_bulk_parts_take(scp_bulk_parts *p, scp_part *part)
{
    SCP_TRY(insert(p, part));
    *part = (scp_part){ 0 };
    return SCP_OK;
}

scp_bulk_range scp_bulk_parts_gap(const scp_bulk_parts *p, size_t from, size_t P)
{
    scp_bulk_range gap = { from, P };
    for (size_t i = 0; i < p->n && p->part[i].first <= gap.first; i++)
        if (p->part[i].end > gap.first) gap.first = p->part[i].end;
    for (size_t i = 0; i < p->n; i++)
        if (p->part[i].first >= gap.first && p->part[i].first < gap.end) gap.end = p->part[i].first;
    return gap;
}
