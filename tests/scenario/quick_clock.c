// SPDX-License-Identifier: Apache-2.0
/*
 * quick_clock: a process whose steady clocks run thirty times as fast, so that what it does every
 * few seconds, or a minute after its start, comes at once. The clock on the wall stays as it is.
 *
 * Put in front of the C library (LD_PRELOAD).
 */
#define _GNU_SOURCE
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { TIMES = 30, NS_PER_S = 1000000000, MASK_BYTES = 8 };

int clock_gettime(clockid_t clock, struct timespec *now) {
    const long failed = syscall(SYS_clock_gettime, clock, now);
    if (failed == 0 &&
        (clock == CLOCK_MONOTONIC || clock == CLOCK_BOOTTIME || clock == CLOCK_MONOTONIC_COARSE)) {
        const long long ns = now->tv_nsec * (long long)TIMES;
        now->tv_sec = now->tv_sec * TIMES + ns / NS_PER_S;
        now->tv_nsec = ns % NS_PER_S;
    }
    return (int)failed;
}

int epoll_pwait(int epoll, struct epoll_event *events, int most, int timeout_ms,
                const sigset_t *mask) {
    const int shorter_ms = timeout_ms > 0 ? (timeout_ms + TIMES - 1) / TIMES : timeout_ms;
    return (int)syscall(SYS_epoll_pwait, epoll, events, most, shorter_ms, mask, MASK_BYTES);
}

int epoll_wait(int epoll, struct epoll_event *events, int most, int timeout_ms) {
    return epoll_pwait(epoll, events, most, timeout_ms, NULL);
}
