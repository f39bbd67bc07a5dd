// SPDX-License-Identifier: Apache-2.0
#include "cli/recorded_day.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/buffer.h"
#include "base/text.h"
#include "platform/file.h"
#include "platform/json.h"

enum { PATH_BYTES_MAX = 4096, ARENA_BYTES_MAX = 4 << 20, MS_A_SECOND = 1000, NS_A_MS = 1000000 };

/* The name of a reading; false where the value has none. */
static bool read_name(struct value value, struct slice *out_sensor, int64_t *out_number) {
    const struct value *sensor = value_get(value, SLICE("sensor"));
    const struct value *number = value_get(value, SLICE("number"));
    if (sensor == NULL || number == NULL || number->kind != VALUE_INTEGER ||
        !text_is_name(value_text(*sensor))) {
        return false;
    }
    *out_sensor = value_text(*sensor);
    *out_number = number->integer;
    return true;
}

static status add_line(struct recorded_day *day, struct slice line, struct error *err) {
    struct value value;
    struct recorded_reading *reading = &day->readings[day->count];
    TRY(json_read(&day->arena, line, &value, err));
    if (!read_name(value, &reading->sensor, &reading->number)) {
        return fail(err, STATUS_INVALID, "a reading is {\"sensor\":\"a1\",\"number\":1,...}");
    }
    reading->line = line;
    day->count++;
    return STATUS_OK;
}

static status add_lines(struct recorded_day *day, struct slice text, struct error *err) {
    while (text.count > 0) {
        const size_t end = slice_find(text, '\n');
        if (day->count == RECORDED_DAY_READINGS_MAX) {
            return fail(err, STATUS_INVALID, "there are more than %d readings",
                        RECORDED_DAY_READINGS_MAX);
        }
        if (add_line(day, slice_part(text, 0, end), err) != STATUS_OK) {
            return fail_while(err, "line %zu", day->count + 1);
        }
        text = slice_part(text, end + 1, text.count);
    }
    return STATUS_OK;
}

status recorded_day_read(const char *path, struct recorded_day *out_day, struct error *err) {
    CLEANUP(buffer_done) struct buffer text;
    buffer_init(&text, RECORDED_DAY_BYTES_MAX);
    TRY(file_read(path, &text, err));
    CLEANUP(recorded_day_done) struct recorded_day day = {.count = 0};
    arena_init(&day.arena, ARENA_BYTES_MAX);
    const struct slice kept = arena_copy(&day.arena, buffer_slice(&text));
    day.readings = arena_get(&day.arena, RECORDED_DAY_READINGS_MAX, sizeof(*day.readings));
    if (kept.bytes == NULL || day.readings == NULL) {
        return fail(err, STATUS_NO_MEMORY, "no memory for the readings of %s", path);
    }
    if (add_lines(&day, kept, err) != STATUS_OK) {
        return fail_while(err, "read %s", path);
    }
    *out_day = day;
    day = (struct recorded_day){.count = 0};
    return STATUS_OK;
}

void recorded_day_done(struct recorded_day *day) {
    arena_done(&day->arena);
    *day = (struct recorded_day){.count = 0};
}

static status write_line(const char *path, struct slice line, int64_t wall_ms, struct error *err) {
    FILE *file = fopen(path, "we");
    if (file == NULL) {
        return fail_errno(err, errno, "create '%s'", path);
    }
    const struct timespec when = {.tv_sec = wall_ms / MS_A_SECOND,
                                  .tv_nsec = wall_ms % MS_A_SECOND * NS_A_MS};
    const struct timespec both[2] = {when, when};
    const bool wrote = fwrite(line.bytes, 1, line.count, file) == line.count &&
                       fputc('\n', file) != EOF && fflush(file) == 0 &&
                       futimens(fileno(file), both) == 0;
    const int number = errno;
    if (fclose(file) != 0 || !wrote) {
        return fail_errno(err, number, "write '%s'", path);
    }
    return STATUS_OK;
}

status recorded_day_play(const struct recorded_day *day, size_t index, const char *folder,
                         int64_t wall_ms, struct error *err) {
    const struct recorded_reading *reading = &day->readings[index];
    char aside[PATH_BYTES_MAX];
    char path[PATH_BYTES_MAX];
    const int count = snprintf(path, sizeof(path), "%s/%.*s-%04" PRId64 ".json", folder,
                               SLICE_ARGS(reading->sensor), reading->number);
    if (count < 0 || snprintf(aside, sizeof(aside), "%s/.reading", folder) >= PATH_BYTES_MAX ||
        count >= PATH_BYTES_MAX) {
        return fail(err, STATUS_INVALID, "a path has at most %d bytes", PATH_BYTES_MAX - 1);
    }
    TRY(write_line(aside, reading->line, wall_ms, err));
    return file_rename(aside, path, err);
}

void recorded_day_count(struct recorded_day *day, struct value result) {
    struct slice sensor;
    int64_t number;
    if (!read_name(result, &sensor, &number)) {
        day->foreign++;
        return;
    }
    for (size_t i = 0; i < day->count; i++) {
        struct recorded_reading *reading = &day->readings[i];
        if (reading->number == number && slice_equal(reading->sensor, sensor)) {
            reading->results++;
            return;
        }
    }
    day->foreign++;
}

size_t recorded_day_lost(const struct recorded_day *day) {
    size_t lost = 0;
    for (size_t i = 0; i < day->count; i++) {
        lost += day->readings[i].results == 0;
    }
    return lost;
}

size_t recorded_day_doubled(const struct recorded_day *day) {
    size_t doubled = day->foreign;
    for (size_t i = 0; i < day->count; i++) {
        doubled += day->readings[i].results > 1 ? day->readings[i].results - 1 : 0;
    }
    return doubled;
}
