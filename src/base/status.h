/* Status codes, the per-thread error chain and the checked-call macros that every room uses.
 *
 * A library function returns scp_status and never prints, exits or aborts. The function that finds
 * an error records one frame with a message that names the file, row or key and the way out; every
 * caller on the way up adds a frame by SCP_TRY or SCP_GOTO. Only a program's main prints it. */
#ifndef SCP_BASE_STATUS_H
#define SCP_BASE_STATUS_H

#include <stdbool.h>
#include <stddef.h>

typedef enum scp_status {
    SCP_OK = 0,
    SCP_EUSAGE = -1,    /* command line or configuration           exit 64 */
    SCP_EDATA = -2,     /* bad content of an input                 exit 65 */
    SCP_ENOINPUT = -3,  /* a missing input                         exit 66 */
    SCP_EINTERNAL = -4, /* our own mistake                         exit 70 */
    SCP_ENOMEM = -5,    /* memory exhausted (host or device)       exit 71 */
    SCP_EIO = -6,       /* the system refused a read or write      exit 74 */
    SCP_ERETRY = -7,    /* passing fault, try again                exit 75 */
    SCP_EREQUEUE = -8,  /* checkpointed, please requeue            exit 85 */
    SCP_ESHAPE = -9,    /* tensor shapes do not fit                exit 70 */
    SCP_ECOMM = -10,    /* MPI or NCCL failed                      exit 70 */
    SCP_EDEVICE = -11,  /* no such device, or the device failed    exit 70 */
    SCP_EPEER = -12     /* another rank failed and has the message exit 70 */
} scp_status;

#define SCP_MUST_USE     __attribute__((warn_unused_result))
#define SCP_PRINTF(f, a) __attribute__((format(printf, f, a)))
#define SCP_PATH_MAX     4096

/** Name of a status, e.g. "bad data". Never NULL. Not collective. */
const char *scp_status_text(scp_status st);

/** Exit code of a status: the table above. Not collective. */
int scp_status_exit_code(scp_status st);

/** Record the frame at which an error arises and return st. Starts a new chain.
 *  @param call  text of the failing call, or NULL. @param fmt  one sentence, no newline. */
scp_status scp_err_raise(scp_status st, const char *file, int line, const char *call,
                         const char *fmt, ...) SCP_PRINTF(5, 6);

/** Add a frame to the chain of this thread and return st. */
scp_status scp_err_frame(scp_status st, const char *file, int line, const char *call);

/** Message of the frame where the chain began; "" when there is none. Borrowed until
 *  the next error. */
const char *scp_err_message(void);

/** The whole chain as text, one frame per line, innermost first. Borrowed until the next error. */
const char *scp_err_chain(void);

/** Forget the chain of this thread (after an error that was handled). */
void scp_err_clear(void);

/* The chain of one thread, to be taken over by another. */
typedef struct scp_err_copy {
    char message[2048];
    char chain[8192];
} scp_err_copy;

/** Copy the chain of this thread; make a copy the chain of this thread. */
void scp_err_save(scp_err_copy *copy);
void scp_err_restore(const scp_err_copy *copy);

/* Raise: return from the function with a message. */
#define SCP_FAIL(st, ...) return scp_err_raise((st), __FILE__, __LINE__, NULL, __VA_ARGS__)
/* Raise and jump to a cleanup label; needs a local `scp_status st`. */
#define SCP_FAIL_GOTO(label, code, ...)                                                            \
    do {                                                                                           \
        st = scp_err_raise((code), __FILE__, __LINE__, NULL, __VA_ARGS__);                         \
        goto label;                                                                                \
    } while (0)
/* Argument check of a public function. */
#define SCP_ARG(cond, ...)                                                                         \
    do {                                                                                           \
        if (!(cond)) return scp_err_raise(SCP_EINTERNAL, __FILE__, __LINE__, #cond, __VA_ARGS__);  \
    } while (0)
/* Call our own function; on failure add a frame and return. */
#define SCP_TRY(call)                                                                              \
    do {                                                                                           \
        scp_status scp_try_ = (call);                                                              \
        if (scp_try_ != SCP_OK) return scp_err_frame(scp_try_, __FILE__, __LINE__, #call);         \
    } while (0)
/* Call our own function; on failure add a frame, keep it in `st` and jump. */
#define SCP_GOTO(label, call)                                                                      \
    do {                                                                                           \
        st = (call);                                                                               \
        if (st != SCP_OK) {                                                                        \
            (void)scp_err_frame(st, __FILE__, __LINE__, #call);                                    \
            goto label;                                                                            \
        }                                                                                          \
    } while (0)
/* Run a cleanup call whose failure counts only if nothing failed before. */
#define SCP_KEEP(st, call)                                                                         \
    do {                                                                                           \
        scp_status scp_keep_ = (call);                                                             \
        if ((st) == SCP_OK) (st) = scp_keep_;                                                      \
    } while (0)

#endif
