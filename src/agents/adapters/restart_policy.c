// SPDX-License-Identifier: Apache-2.0
#include "agents/adapters/restart_policy.h"

enum { NS_PER_MS = 1000 * 1000 };

int64_t restart_policy_ended(struct restart_policy *policy, int64_t now_ns) {
    const uint64_t index = policy->endings++ % RESTART_ENDINGS_MAX;
    policy->ended_ns[index] = now_ns;
    if (policy->endings >= RESTART_ENDINGS_MAX) {
        const int64_t oldest_ns = policy->ended_ns[(index + 1) % RESTART_ENDINGS_MAX];
        if (now_ns - oldest_ns < (int64_t)RESTART_WINDOW_MS * NS_PER_MS) {
            policy->broken = true;
        }
    }
    if (policy->broken) {
        return INT64_MAX;
    }
    policy->delay_ms = policy->delay_ms == 0 ? RESTART_MS_LEAST : policy->delay_ms * 2;
    if (policy->delay_ms > RESTART_MS_MOST) {
        policy->delay_ms = RESTART_MS_MOST;
    }
    return now_ns + policy->delay_ms * NS_PER_MS;
}

void restart_policy_answered(struct restart_policy *policy) {
    policy->delay_ms = 0;
}
