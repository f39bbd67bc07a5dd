// SPDX-License-Identifier: Apache-2.0
#include "agents/adapters/agent_metrics.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "base/memory.h"

void agent_metrics_done(struct agent_metrics *metrics) {
    memory_free(metrics->entries);
    *metrics = (struct agent_metrics){0};
}

/* The entry of that name, made when there is none; NULL: no room. */
static struct agent_metric *find(struct agent_metrics *metrics, struct slice name) {
    if (metrics->entries == NULL) {
        metrics->entries = memory_new(AGENT_METRICS_MAX, sizeof(*metrics->entries));
    }
    if (metrics->entries == NULL) {
        return NULL;
    }
    for (uint32_t i = 0; i < metrics->count; i++) {
        if (slice_is(name, metrics->entries[i].name)) {
            return &metrics->entries[i];
        }
    }
    if (metrics->count == AGENT_METRICS_MAX) {
        return NULL;
    }
    struct agent_metric *entry = &metrics->entries[metrics->count++];
    (void)memcpy(entry->name, name.bytes, name.count);
    return entry;
}

bool agent_metrics_take(struct agent_metrics *metrics, struct slice name, double number,
                        bool adds) {
    assert(name.count > 0 && name.count < AGENT_METRIC_NAME_BYTES);
    struct agent_metric *entry = find(metrics, name);
    if (entry == NULL) {
        return false;
    }
    const double sum = adds ? entry->number + number : number;
    if (isfinite(sum)) { /* a sum beyond a double stays at what it was */
        entry->number = sum;
    }
    return true;
}
