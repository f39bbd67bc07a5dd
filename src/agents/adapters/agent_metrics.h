/*
 * agent_metrics: the numbers that an agent reports of itself, by name.
 *
 * A number stands until another takes its place or is added to it, also when the process that
 * reported it is gone; it goes with the agent. Only so many names are kept, since each is a row of
 * /metrics for as long as the agent is open.
 *
 * Thread: loop.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

enum { AGENT_METRICS_MAX = 64, AGENT_METRIC_NAME_BYTES = 64 };

struct agent_metric {
    char name[AGENT_METRIC_NAME_BYTES]; /* ended by a zero */
    double number;
};

/* All zeroes is one without numbers. */
struct agent_metrics {
    struct agent_metric *entries; /* owned; NULL until the first number */
    uint32_t count;
};

void agent_metrics_done(struct agent_metrics *metrics);

/* Puts a number in place of the one that is there, or adds it to that. The name is a
 * text_is_field. false: there is no room for another name. */
bool agent_metrics_take(struct agent_metrics *metrics, struct slice name, double number, bool adds);
