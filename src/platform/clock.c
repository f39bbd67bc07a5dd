// SPDX-License-Identifier: Apache-2.0
#include "platform/clock.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/timex.h>
#include <time.h>
#include <unistd.h>

/* The start of 2026: no program with this source ran before it. Moved forward with a release. */
static const int64_t BUILD_WALL_MS = INT64_C(1767225600000);

/* How long an answer of adjtimex is believed; the call is far dearer than a clock. */
static const int64_t SYNC_ASK_NS = INT64_C(1000000000);

static _Atomic int64_t floor_ms;

static const char *offset_file; /* of the environment, not owned */
static int64_t offset_ms;
static pthread_once_t offset_once = PTHREAD_ONCE_INIT;

static int64_t read_clock(clockid_t clock) {
    struct timespec now = {0};
    (void)clock_gettime(clock, &now); /* fails only for a clock that the kernel does not have */
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

int64_t clock_boot_ns(void) {
    return read_clock(CLOCK_BOOTTIME);
}

int64_t clock_monotonic_ns(void) {
    return read_clock(CLOCK_MONOTONIC);
}

int64_t clock_thread_cpu_ns(void) {
    return read_clock(CLOCK_THREAD_CPUTIME_ID);
}

int64_t clock_process_cpu_ns(void) {
    return read_clock(CLOCK_PROCESS_CPUTIME_ID);
}

static void read_offset_once(void) {
    offset_file = getenv("EBB_TEST_WALL_OFFSET_FILE");
    const char *text = getenv("EBB_TEST_WALL_OFFSET_MS");
    offset_ms = text != NULL ? strtoll(text, NULL, 10) : 0;
}

/* Without a test's environment this is one load. */
static int64_t test_offset_ms(void) {
    (void)pthread_once(&offset_once, read_offset_once);
    if (offset_file == NULL) {
        return offset_ms;
    }
    const int fd = open(offset_file, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return offset_ms;
    }
    char text[32];
    const ssize_t count = read(fd, text, sizeof(text) - 1);
    (void)close(fd);
    if (count <= 0) {
        return offset_ms;
    }
    text[count] = '\0';
    return offset_ms + strtoll(text, NULL, 10);
}

int64_t clock_wall_ms(void) {
    const int64_t ms = read_clock(CLOCK_REALTIME) / 1000000;
    return ms + test_offset_ms();
}

/* Asked of the kernel once a second; two threads that ask at once get the same answer. */
static bool is_synchronised(int64_t boot_ns) {
    static _Atomic int64_t asked_ns = INT64_MIN / 2;
    static atomic_bool synchronised;
    if (boot_ns - atomic_load_explicit(&asked_ns, memory_order_acquire) < SYNC_ASK_NS) {
        return atomic_load_explicit(&synchronised, memory_order_relaxed);
    }
    struct timex state = {0};
    const int answer = adjtimex(&state);
    const bool good = answer >= 0 && answer != TIME_ERROR && (state.status & STA_UNSYNC) == 0;
    atomic_store_explicit(&synchronised, good, memory_order_relaxed);
    atomic_store_explicit(&asked_ns, boot_ns, memory_order_release);
    return good;
}

struct moment clock_now(void) {
    struct moment now = {.boot_ns = clock_boot_ns(), .wall_ms = clock_wall_ms()};
    if (now.wall_ms < BUILD_WALL_MS ||
        now.wall_ms < atomic_load_explicit(&floor_ms, memory_order_relaxed)) {
        now.quality = CLOCK_BAD;
    } else {
        now.quality = is_synchronised(now.boot_ns) ? CLOCK_GOOD : CLOCK_UNSURE;
    }
    return now;
}

static struct id boot_id; /* read once: it does not change while a process lives */
static pthread_once_t boot_id_once = PTHREAD_ONCE_INIT;

static struct id read_boot_id(void) {
    struct id id = {0};
    const int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return id;
    }
    char text[ID_UUID_BYTES];
    const ssize_t count = read(fd, text, sizeof(text));
    (void)close(fd);
    if (count != ID_UUID_BYTES ||
        !id_read((struct slice){.bytes = text, .count = sizeof(text)}, &id)) {
        return (struct id){0};
    }
    return id;
}

static void read_boot_id_once(void) {
    boot_id = read_boot_id();
}

struct id clock_boot_id(void) {
    (void)pthread_once(&boot_id_once, read_boot_id_once);
    return boot_id;
}

void clock_set_floor(int64_t wall_ms) {
    atomic_store_explicit(&floor_ms, wall_ms, memory_order_relaxed);
}

const char *clock_quality_name(enum clock_quality quality) {
    switch (quality) {
    case CLOCK_GOOD:
        return "good";
    case CLOCK_UNSURE:
        return "unsure";
    case CLOCK_BAD:
        return "bad";
    }
    return "bad";
}
