/* The sign of life of a training run: <run>/<stage>/status.json, replaced every few seconds by a
 * thread of rank 0, and what a reader on this or another machine makes of it. Time spans are taken
 * on the monotonic clock, so that a clock that is set does not make a run look dead. Not
 * collective. */
#ifndef SCP_TRAIN_BEAT_H
#define SCP_TRAIN_BEAT_H

#include <stdint.h>

#include "base/status.h"

#define SCP_BEAT_FILE    "status.json"
#define SCP_BEAT_SECONDS 2.0

typedef enum scp_beat_state {
    SCP_BEAT_RUNNING,
    SCP_BEAT_FINISHED, /* all steps done                                          */
    SCP_BEAT_STOPPED,  /* by a signal or stop_after, with a checkpoint            */
    SCP_BEAT_FAILED,   /* with a message                                          */
    SCP_BEAT_DEAD      /* readers only: it says running, but its process is gone  */
} scp_beat_state;

/** "running", "finished", "stopped", "failed", "dead". */
const char *scp_beat_state_name(scp_beat_state s);

/* What a run says about itself. */
typedef struct scp_beat_facts {
    int64_t step, steps;     /* done, to do                                      */
    int64_t resumed_from;    /* 0: a fresh start                                 */
    int64_t restarts;        /* starts before this one                           */
    int64_t checkpoint;      /* newest on disk, -1: none                         */
    int64_t skipped;         /* steps without update so far                      */
    double loss;             /* last one logged, NaN: none yet                   */
    double samples_per_second, seconds_left; /* NaN: not known yet               */
    int ranks;
} scp_beat_facts;

typedef struct scp_beat scp_beat;

/** Write the file and start the thread. SCP_EIO. *out: scp_beat_end. */
scp_status scp_beat_start(const char *path, const char *stage, const scp_beat_facts *facts,
                          scp_beat **out) SCP_MUST_USE;
/** New facts for the next beat. NULL is fine. */
void scp_beat_tell(scp_beat *b, const scp_beat_facts *facts);
/** Write a last time, in this state and with a message ("": none), and end the thread. What cannot
 *  be written is logged. NULL is fine. */
void scp_beat_end(scp_beat **b, scp_beat_state state, const char *message);

/* What a reader sees. */
typedef struct scp_beat_view {
    scp_beat_state state; /* by what the file says and whether its process lives             */
    bool halted;          /* the process is there, but stopped (SIGSTOP, or by a scheduler)  */
    double age;           /* seconds since the last sign of life; < 0: not known             */
    double idle;          /* seconds without a finished step when that was written           */
    char stage[64], host[64], job[64], started[32], updated[32], message[1024];
    int64_t pid;
    scp_beat_facts facts;
} scp_beat_view;

/** Read a status file. SCP_ENOINPUT missing, SCP_EDATA damaged. */
scp_status scp_beat_read(const char *path, scp_beat_view *out) SCP_MUST_USE;

#endif
