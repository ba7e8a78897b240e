/* The proof of no leak: computed from what was written, not from what was planned. */
#ifndef SCP_DATA_LEAK_H
#define SCP_DATA_LEAK_H

#include "io/dataset.h"

/* Violations by kind; all must be 0. */
typedef struct scp_leak_report {
    size_t keys;         /* (line, drug, dose) that is in two splits                             */
    size_t combinations; /* (line, parent) of UC or its validation that is also in another split */
    size_t parents;      /* parent group of UD or its validation that is also in another split   */
    size_t fingerprints; /* fingerprint of an unseen drug that a drug of another split has too   */
    size_t unseen;       /* line or drug of a UC pair, line of a UD pair, never seen in training */
    size_t pairing;      /* pair whose control is not the vehicle of the same line and plate     */
    char first[512];     /* the first violation in words, "" when there is none                  */
} scp_leak_report;

/** Check the tables of a shard. The report is filled in any case. SCP_EDATA with the first
 *  violation when there is one. Not collective. */
scp_status scp_leak_check(const scp_dataset *d, scp_leak_report *r) SCP_MUST_USE;

#endif
