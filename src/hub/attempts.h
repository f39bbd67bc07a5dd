/*
 * attempts: who tries tokens that are wrong, and when they may try again.
 *
 * Ten wrong ones in five minutes from one source, and the source waits until the first of them is
 * five minutes old. An IPv6 source is its /64. So many sources are remembered; the one that was
 * quiet longest is forgotten first.
 *
 * Thread: loop. Survives nothing.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/slice.h"

enum { ATTEMPTS_MAX = 10, ATTEMPTS_SPAN_MS = 5 * 60 * 1000, ATTEMPTS_SOURCES_MAX = 512 };

struct attempts;

status attempts_create(struct attempts **out_attempts, struct error *err);
void attempts_destroy(struct attempts *attempts); /* NULL is fine */

/* How long `source` ("203.0.113.7", "2001:db8::1") must wait; 0: it may try. `now_ms` only goes
 * forward. */
int64_t attempts_wait_ms(const struct attempts *attempts, struct slice source, int64_t now_ms);

/* One more was wrong. True: it is the last that the source may make for now, which is worth a word
 * in the log. */
bool attempts_count(struct attempts *attempts, struct slice source, int64_t now_ms);
