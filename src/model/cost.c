// SPDX-License-Identifier: Apache-2.0
#include "model/cost.h"

#include <math.h>

static const struct {
    const char *name, *words;
    enum cost_measure measure;
    bool more_is_better;
    double margin;
} KINDS[COST_COUNT] = {
    [COST_LATENCY_P50] = {"latency_p50", "median latency", COST_TIME, false, 0.03},
    [COST_LATENCY_P95] = {"latency_p95", "p95 latency", COST_TIME, false, 0.05},
    [COST_LATENCY_MIN] = {"latency_min", "least latency", COST_TIME, false, 0.03},
    [COST_CPU] = {"cpu", "CPU time", COST_TIME, false, 0.03},
    [COST_LOAD] = {"load", "load time", COST_TIME, false, 0.1},
    [COST_FIRST] = {"first", "first run", COST_TIME, false, 0.1},
    [COST_RSS] = {"rss", "memory", COST_BYTES, false, 0.03},
    [COST_HWM] = {"hwm", "peak memory", COST_BYTES, false, 0.03},
    [COST_SIZE] = {"size", "size", COST_BYTES, false, 0},
    [COST_SIZE_COMPRESSED] = {"size_compressed", "compressed size", COST_BYTES, false, 0},
    [COST_DRIFT_SQNR] = {"drift.sqnr", "signal over noise", COST_DECIBELS, true, 0},
    [COST_DRIFT_COSINE] = {"drift.cosine", "cosine", COST_SHARE, true, 0},
    [COST_DRIFT_ARGMAX] = {"drift.argmax", "argmax agreement", COST_SHARE, true, 0},
    [COST_DRIFT_IOU] = {"drift.iou", "overlap of masks", COST_SHARE, true, 0},
    [COST_DRIFT_MAX] = {"drift.max", "largest difference", COST_NUMBER, false, 0},
    [COST_DRIFT_METRIC] = {"drift.metric", "metric", COST_SHARE, true, 0},
};

void cost_init(struct cost *cost) {
    for (int i = 0; i < COST_COUNT; i++) {
        cost->of[i] = NAN;
    }
}

const char *cost_name(enum cost_kind kind) {
    return KINDS[kind].name;
}

const char *cost_words(enum cost_kind kind) {
    return KINDS[kind].words;
}

enum cost_measure cost_measure(enum cost_kind kind) {
    return KINDS[kind].measure;
}

bool cost_more_is_better(enum cost_kind kind) {
    return KINDS[kind].more_is_better;
}

double cost_margin(enum cost_kind kind) {
    return KINDS[kind].margin;
}
