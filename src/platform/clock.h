/*
 * clock: what time it is, and how far that can be believed.
 *
 * CLOCK_BOOTTIME orders and measures (it goes on in suspend); the wall clock is for people. A wall
 * clock before the program's build, or before the last time that was stored, is `bad`; `unsure`
 * until the system says that it is synchronised (adjtimex); else `good`.
 *
 * For tests of wrong clocks with the real daemon EBB_TEST_WALL_OFFSET_MS shifts the wall clock, and
 * a file named by EBB_TEST_WALL_OFFSET_FILE, read at every look at the clock, makes it jump.
 *
 * Thread: any.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdint.h>

#include "base/id.h"

enum clock_quality { CLOCK_GOOD, CLOCK_UNSURE, CLOCK_BAD };

struct moment {
    int64_t wall_ms;
    int64_t boot_ns;
    enum clock_quality quality;
};

struct moment clock_now(void);
int64_t clock_boot_ns(void);
int64_t clock_wall_ms(void);
int64_t clock_monotonic_ns(void);
int64_t clock_thread_cpu_ns(void);
int64_t clock_process_cpu_ns(void); /* of all threads */

/* /proc/sys/kernel/random/boot_id; zero when it cannot be read. */
struct id clock_boot_id(void);

/* A wall clock below this is bad from now on: the newest time that the store has seen. */
void clock_set_floor(int64_t wall_ms);

const char *clock_quality_name(enum clock_quality quality);
