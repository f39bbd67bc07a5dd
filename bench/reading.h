/*
 * reading: what a sensor says in a day, one reading each 1.44 seconds; bench/peers/guide_store.py
 * makes the same.
 *
 * Thread: any.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdint.h>
#include <stdio.h>

#include "base/slice.h"

enum { READING_BYTES_MAX = 256 };

/* Reading `number`, as JSON. */
static inline struct slice reading_write(uint32_t number, char out_text[READING_BYTES_MAX]) {
    enum { STEP_MS = 1440, HOUR_MS = 3600000, MINUTE_MS = 60000, SECOND_MS = 1000, HOURS = 24 };
    const uint64_t at_ms = (uint64_t)number * STEP_MS;
    const int count = snprintf(
        out_text, READING_BYTES_MAX,
        "{\"room\":\"a1\",\"sensor\":\"s4\",\"t\":%.2f,\"rh\":%.1f,\"n\":%u,\"state\":\"normal\","
        "\"since\":\"2026-11-23T%02d:%02d:%02d.%03dZ\",\"unit\":\"Cel\",\"score\":%.3f,"
        "\"anomaly\":false}",
        -18.4 + (double)(number * UINT64_C(7919) % 41) / 100,
        61.5 + (double)(number * UINT64_C(104729) % 31) / 10, 48211 + number,
        (int)(at_ms / HOUR_MS % HOURS), (int)(at_ms % HOUR_MS / MINUTE_MS),
        (int)(at_ms % MINUTE_MS / SECOND_MS), (int)(at_ms % SECOND_MS),
        (double)(number * UINT64_C(15485863) % 997) / 1000);
    return (struct slice){.bytes = out_text, .count = (size_t)count};
}
