/* Which process, of which boot of a machine: what a sign of life is recognised by. Private to
 * src/train. */
#ifndef SCP_TRAIN_BEAT_PROCESS_H
#define SCP_TRAIN_BEAT_PROCESS_H

#include <stddef.h>
#include <stdint.h>

/** Identity of this boot of the machine and of its numbers of processes (a container has its own),
 *  "" when the system does not tell. */
void scp_beat_boot(char *buf, size_t size);

/** Start time of a process in clock ticks since boot, which with its number names it; -1: there is
 *  no such process. *state [may be NULL] gets the letter of its state, 'T' for stopped. */
int64_t scp_beat_process(int64_t pid, char *state);

#endif
