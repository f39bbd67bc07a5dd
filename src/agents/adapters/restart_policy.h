/*
 * restart_policy: how long to wait before a process that ended unasked is started again, and when
 * to give up.
 *
 * 100 ms, doubling to 30 s with each ending; the first answer after a start begins anew at 100 ms.
 * Five endings within a minute and the agent is broken: nothing starts it until it is loaded
 * anew. A process that ebb ended itself does not count.
 *
 * Pure: one thread at a time. Time is CLOCK_BOOTTIME and handed in.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum {
    RESTART_MS_LEAST = 100,
    RESTART_MS_MOST = 30 * 1000,
    RESTART_ENDINGS_MAX = 5,
    RESTART_WINDOW_MS = 60 * 1000
};

/* All zeroes is a policy that has seen nothing yet. */
struct restart_policy {
    int64_t ended_ns[RESTART_ENDINGS_MAX]; /* the latest endings, a ring */
    uint64_t endings;
    int64_t delay_ms; /* of the latest ending; 0: none since an answer */
    bool broken;
};

/* A process ended unasked: the moment before which none is started; INT64_MAX when it is broken. */
int64_t restart_policy_ended(struct restart_policy *policy, int64_t now_ns);

/* A process has answered a call. */
void restart_policy_answered(struct restart_policy *policy);
