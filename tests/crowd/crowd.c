// SPDX-License-Identifier: Apache-2.0
/*
 * crowd: many devices in one process, for tests/scenario/test_storm.py. They join by the token, so
 * many at a time, and stay; then it does what lines on its standard input say, and answers each
 * with a line of JSON:
 *
 *   crowd TOKEN DEVICES
 *   make N   every device makes N records more, and each hundredth of them a backlog of 50 N
 *   look     how many have joined, are connected, have nothing waiting, and what was seen of them
 *   books    the same, and of each stream how many records were made and how many acknowledged
 *
 * It ends with its standard input, or with a sentence at what must never happen.
 *
 * Thread: one.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/memory.h"
#include "crowd_device.h"

enum { AT_ONCE = 64, DEVICES_MAX = 100000, LINE_BYTES = 64, HEAVY_EACH = 100, HEAVY_TIMES = 50 };

static struct {
    struct crowd crowd; /* first */
    struct poll *input;
    struct crowd_device **devices; /* owned */
    uint32_t count, begun;
    char line[LINE_BYTES];
    size_t used;
} all;

void crowd_give_up(const char *format, ...) {
    va_list rest;
    va_start(rest, format);
    (void)fputs("crowd: ", stderr);
    (void)vfprintf(stderr, format, rest);
    (void)fputc('\n', stderr);
    va_end(rest);
    exit(1);
}

void crowd_need(status code, const struct error *err) {
    if (code != STATUS_OK) {
        crowd_give_up("%s", err->text);
    }
}

static void joined(struct crowd *crowd) {
    (void)crowd;
    if (all.begun < all.count) {
        crowd_device_join(all.devices[all.begun++]);
    }
}

/* --- what it is told ------------------------------------------------------------------------- */

static void make(uint32_t each) {
    for (uint32_t i = 0; i < all.count; i++) {
        crowd_device_make(all.devices[i], i % HEAVY_EACH == 0 ? HEAVY_TIMES * each : each);
    }
}

static void print_seen(void) {
    const struct crowd *crowd = &all.crowd;
    (void)printf("\"lost_together\":%llu,\"waits_by_tenth\":[",
                 (unsigned long long)crowd->lost_together);
    for (int i = 0; i < CROWD_TENTHS; i++) {
        (void)printf("%s%llu", i > 0 ? "," : "", (unsigned long long)crowd->waits_by_tenth[i]);
    }
    (void)printf("],\"waits_too_long\":%llu,\"connects_too_early\":%llu,\"bodies_too_large\":%llu,"
                 "\"bodies_too_early\":%llu,\"not_taken\":%llu,\"spread_ms_most\":%lld,"
                 "\"grant_bytes_least\":%lld",
                 (unsigned long long)crowd->waits_too_long,
                 (unsigned long long)crowd->connects_too_early,
                 (unsigned long long)crowd->bodies_too_large,
                 (unsigned long long)crowd->bodies_too_early, (unsigned long long)crowd->not_taken,
                 (long long)crowd->spread_ms_most, (long long)crowd->grant_bytes_least);
}

static void print_streams(void) {
    (void)fputs(",\"streams\":{", stdout);
    for (uint32_t i = 0; i < all.count; i++) {
        struct crowd_device_facts facts;
        char hex[ID_HEX_BYTES + 1];
        crowd_device_facts(all.devices[i], &facts);
        id_write_hex(facts.stream, hex);
        (void)printf("%s\"%s\":[%llu,%llu]", i > 0 ? "," : "", hex, (unsigned long long)facts.made,
                     (unsigned long long)facts.acknowledged);
    }
    (void)fputs("}", stdout);
}

static void report(bool with_streams) {
    uint32_t have_joined = 0, connected = 0, empty = 0;
    for (uint32_t i = 0; i < all.count; i++) {
        struct crowd_device_facts facts;
        crowd_device_facts(all.devices[i], &facts);
        have_joined += facts.joined ? 1 : 0;
        connected += facts.connected ? 1 : 0;
        empty += facts.acknowledged == facts.made ? 1 : 0;
    }
    (void)printf("{\"joined\":%u,\"connected\":%u,\"empty\":%u,", have_joined, connected, empty);
    print_seen();
    if (with_streams) {
        print_streams();
    }
    (void)fputs("}\n", stdout);
    (void)fflush(stdout);
}

static void obey(const char *line) {
    if (strncmp(line, "make ", 5) == 0) {
        make((uint32_t)strtoul(line + 5, NULL, 10));
    }
    report(strcmp(line, "books") == 0);
}

static void ready(void *owner) {
    (void)owner;
    const ssize_t count = read(STDIN_FILENO, all.line + all.used, LINE_BYTES - 1 - all.used);
    if (count <= 0) {
        loop_stop(all.crowd.loop);
        return;
    }
    all.used += (size_t)count;
    all.line[all.used] = '\0';
    char *end = strchr(all.line, '\n'); /* an answer is waited for before the next line is sent */
    if (end != NULL) {
        *end = '\0';
        all.used = 0;
        obey(all.line);
    }
}

/* --- birth ----------------------------------------------------------------------------------- */

static void take_descriptors(void) {
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &files);
    }
}

static void make_devices(void) {
    struct error err;
    all.devices = memory_new(all.count, sizeof(struct crowd_device *));
    if (all.devices == NULL) {
        crowd_give_up("no memory for %u devices", all.count);
    }
    for (uint32_t i = 0; i < all.count; i++) {
        crowd_need(crowd_device_create(&all.crowd, i, &all.devices[i], &err), &err);
    }
}

/* Ends without tidying up: the process is over. */
int main(int count, char **words) {
    struct error err;
    if (count != 3) {
        (void)fputs("usage: crowd TOKEN DEVICES\n", stderr);
        return 2;
    }
    take_descriptors();
    crowd_need(token_read(slice_of(words[1]), &all.crowd.token, &err), &err);
    all.count = (uint32_t)strtoul(words[2], NULL, 10);
    if (all.count < 1 || all.count > DEVICES_MAX) {
        crowd_give_up("1 to %d devices", (int)DEVICES_MAX);
    }
    all.crowd.joined = joined;
    crowd_need(loop_create(&all.crowd.loop, &err), &err);
    crowd_need(turn_create(all.crowd.loop, crowd_turn_ended, &all.crowd, &all.crowd.turn, &err),
               &err);
    crowd_need(poll_open(all.crowd.loop, STDIN_FILENO, false, ready, NULL, &all.input, &err), &err);
    make_devices();
    for (uint32_t i = 0; i < AT_ONCE; i++) {
        joined(&all.crowd);
    }
    loop_run(all.crowd.loop);
    return 0;
}
