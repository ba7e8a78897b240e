/* A server for tests of data-prep/fetch-tahoe: HTTP/1.1 on localhost, a thread per connection, one
 * request per connection, files of one folder, HEAD, GET, one range, ETag; and, on demand, every
 * fault that a download meets.
 *
 *     http_server DIR PORTFILE        writes the port it got; DIR/log receives a line per request
 *
 * Beside a file F: F.headers, lines added to its answers; F.redirect, a target, answered with 302;
 * F.next, the file's next version, sent from the moment the fault "change" counts out.
 *
 * DIR/faults, read at every request, holds lines "PATH FAULT NUMBER TIMES": for the first TIMES GET
 * requests of PATH (HEAD too for "status"), counted by the server per line
 *
 *   - cut N: the connection ends after N bytes of the body
 *   - stall N: after N bytes nothing comes any more
 *   - status N: this status instead; 503 with Retry-After: 1
 *   - refuse N: the same, to GET alone
 *   - short N: N bytes fewer than the answer's length says
 *   - long N: the range answer claims a whole of N bytes more
 *   - flip N: byte N of the file arrives with its lowest bit turned
 *   - noranges 0: ranges are ignored: 200 and the whole file
 *   - change 0: after TIMES requests the file is F.next
 */
#define _GNU_SOURCE 1 /* strcasestr */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LINE = 1024, HEAD = 8192, FAULTS = 64 };

typedef struct fault {
    char kind[16];
    long long number;
} fault;

typedef struct request {
    char method[8], path[LINE], range[64];
    long long from, to; /* of the range; from -1: none */
} request;

static const char *dir;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct {
    char line[LINE];
    long used;
} counts[FAULTS];

/* How often a line of DIR/faults was used before; `more` is 1 for one more use. */
static long use(const char *line, int more)
{
    for (int i = 0; i < FAULTS; i++) {
        if (!counts[i].line[0]) snprintf(counts[i].line, LINE, "%s", line);
        if (!strcmp(counts[i].line, line)) {
            counts[i].used += more;
            return counts[i].used - more;
        }
    }
    return 0;
}

/* The fault of this request, kind "" for none. */
static fault find_fault(const request *r)
{
    fault found = { "", 0 };
    char name[LINE + 16], line[LINE];
    snprintf(name, sizeof name, "%s/faults", dir);
    pthread_mutex_lock(&lock);
    FILE *f = fopen(name, "r");
    while (f && !found.kind[0] && fgets(line, sizeof line, f)) {
        char path[LINE], kind[16];
        long long number;
        long times;
        if (sscanf(line, "%1023s %15s %lld %ld", path, kind, &number, &times) != 4) continue;
        int get = !strcmp(r->method, "GET"), change = !strcmp(kind, "change");
        if (strcmp(path, r->path) || !(get || change || !strcmp(kind, "status"))) continue;
        if ((use(line, get || !change) < times) == change) continue;
        snprintf(found.kind, sizeof found.kind, "%s", kind);
        found.number = number;
    }
    if (f) fclose(f);
    pthread_mutex_unlock(&lock);
    return found;
}

static int is(const fault *f, const char *kind)
{
    return !strcmp(f->kind, kind);
}

static void log_request(const request *r, int status)
{
    char name[LINE + 16], line[2 * LINE];
    snprintf(name, sizeof name, "%s/log", dir);
    int n = snprintf(line, sizeof line, "%s %s %s %d\n", r->method, r->path,
                     r->range[0] ? r->range : "-", status);
    int fd = open(name, O_WRONLY | O_CREAT | O_APPEND, 0644);
    if (fd >= 0 && write(fd, line, (size_t)n) < 0) perror("log");
    if (fd >= 0) close(fd);
}

static int send_all(int fd, const char *data, size_t n)
{
    while (n > 0) {
        ssize_t k = send(fd, data, n, MSG_NOSIGNAL);
        if (k <= 0) return -1;
        data += k;
        n -= (size_t)k;
    }
    return 0;
}

/* Append the text of the file DIR/PATH.SUFFIX to out, line ends made CRLF; 0 when there is none. */
static int side_file(const request *r, const char *suffix, char *out, size_t size)
{
    char name[2 * LINE], line[LINE];
    snprintf(name, sizeof name, "%s%s.%s", dir, r->path, suffix);
    FILE *f = fopen(name, "r");
    if (!f) return 0;
    while (fgets(line, sizeof line, f)) {
        size_t used = strlen(out);
        line[strcspn(line, "\n")] = 0;
        snprintf(out + used, size - used, "%s\r\n", line);
    }
    fclose(f);
    return 1;
}

static int read_request(int fd, request *r)
{
    char head[HEAD];
    size_t used = 0;
    do {
        ssize_t k = recv(fd, head + used, sizeof head - 1 - used, 0);
        if (k <= 0) return -1;
        used += (size_t)k;
        head[used] = 0;
    } while (!strstr(head, "\r\n\r\n") && used < sizeof head - 1);
    memset(r, 0, sizeof *r);
    r->from = -1;
    if (sscanf(head, "%7s %1023s", r->method, r->path) != 2 || strstr(r->path, "..")) return -1;
    r->path[strcspn(r->path, "?")] = 0;
    const char *range = strcasestr(head, "\r\nRange: bytes=");
    if (range) sscanf(range + 15, "%63[0-9-]", r->range);
    if (range && sscanf(r->range, "%lld-%lld", &r->from, &r->to) < 2) r->to = -1;
    return 0;
}

static void answer_status(int fd, const request *r, int status, const char *more)
{
    char head[HEAD];
    int n = snprintf(head, sizeof head,
                     "HTTP/1.1 %d Status\r\nContent-Length: %d\r\nConnection: close\r\n%s\r\n%s",
                     status, status == 302 ? 0 : 6, more,
                     strcmp(r->method, "GET") || status == 302 ? "" : "sorry\n");
    log_request(r, status);
    send_all(fd, head, (size_t)n);
}

/* Bytes [from, to] of the file, with the faults that concern the body. */
static void send_body(int fd, int file, long long from, long long to, const fault *f)
{
    char data[65536];
    long long limit = to + 1;
    if (is(f, "cut") || is(f, "stall")) limit = from + f->number;
    if (is(f, "short")) limit = to + 1 - f->number;
    if (limit > to + 1) limit = to + 1;
    for (long long at = from; at < limit;) {
        size_t n = limit - at < (long long)sizeof data ? (size_t)(limit - at) : sizeof data;
        ssize_t k = pread(file, data, n, at);
        if (k <= 0) return;
        if (is(f, "flip") && f->number >= at && f->number < at + k) data[f->number - at] ^= 1;
        if (send_all(fd, data, (size_t)k)) return;
        at += k;
    }
    char rest;
    while (is(f, "stall") && recv(fd, &rest, 1, 0) > 0) { /* until the client leaves */
    }
}

static void answer_file(int fd, request *r, const fault *f)
{
    char name[2 * LINE], head[HEAD], range[128] = "";
    snprintf(name, sizeof name, "%s%s%s", dir, r->path, is(f, "change") ? ".next" : "");
    int file = open(name, O_RDONLY);
    struct stat s;
    if (file < 0 || fstat(file, &s) || !S_ISREG(s.st_mode)) {
        answer_status(fd, r, 404, "");
        if (file >= 0) close(file);
        return;
    }
    long long size = s.st_size, from = 0, to = size - 1;
    int status = 200;
    if (r->from >= 0 && !is(f, "noranges")) {
        status = 206;
        from = r->from;
        if (r->to >= 0 && r->to < to) to = r->to;
        long long total = size + (is(f, "long") ? f->number : 0);
        snprintf(range, sizeof range, "Content-Range: bytes %lld-%lld/%lld\r\n", from, to, total);
    }
    if (from > to && size > 0) {
        answer_status(fd, r, 416, "");
    } else {
        log_request(r, status);
        snprintf(head, sizeof head,
                 "HTTP/1.1 %d OK\r\nContent-Length: %lld\r\nETag: \"%llx-%llx%s\"\r\nConnection: "
                 "close\r\n%s",
                 status, to - from + 1, (long long)size, (long long)s.st_mtim.tv_sec,
                 is(f, "change") ? "-next" : "", range);
        if (!is(f, "change")) side_file(r, "headers", head, sizeof head - 2);
        strcat(head, "\r\n");
        if (!send_all(fd, head, strlen(head)) && !strcmp(r->method, "GET"))
            send_body(fd, file, from, to, f);
    }
    close(file);
}

static void *serve(void *arg)
{
    int fd = (int)(intptr_t)arg;
    request r;
    if (!read_request(fd, &r)) {
        char more[HEAD] = "Location: ";
        fault f = find_fault(&r);
        if (is(&f, "status") || is(&f, "refuse"))
            answer_status(fd, &r, (int)f.number, f.number == 503 ? "Retry-After: 1\r\n" : "");
        else if (side_file(&r, "redirect", more, sizeof more)) {
            side_file(&r, "headers", more, sizeof more);
            answer_status(fd, &r, 302, more);
        } else
            answer_file(fd, &r, &f);
    }
    shutdown(fd, SHUT_WR);
    close(fd);
    return NULL;
}

int main(int argc, char **argv)
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t size = sizeof a;
    if (argc != 3) return 64;
    dir = argv[1];
    signal(SIGPIPE, SIG_IGN);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof a) || listen(fd, 64) ||
        getsockname(fd, (struct sockaddr *)&a, &size)) {
        perror("http_server");
        return 74;
    }
    FILE *f = fopen(argv[2], "w");
    if (!f || fprintf(f, "%d\n", ntohs(a.sin_port)) < 0 || fclose(f)) return 74;
    pthread_attr_t detached;
    pthread_attr_init(&detached);
    pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
    for (;;) {
        pthread_t t;
        int c = accept(fd, NULL, NULL);
        if (c < 0 && errno != EINTR) return 74;
        if (c >= 0 && pthread_create(&t, &detached, serve, (void *)(intptr_t)c)) close(c);
    }
}
