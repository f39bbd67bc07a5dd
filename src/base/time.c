// SPDX-License-Identifier: Apache-2.0
#include "base/time.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/date.h"

enum { DAY_MS = 86400000, DAYS_MAX = 10000, YEAR_MAX = 9999 };

static void write_digits(char *out, int64_t number, int digits) {
    for (int i = digits - 1; i >= 0; i--) {
        out[i] = (char)('0' + number % 10);
        number /= 10;
    }
}

void time_write_plain(int64_t wall_ms, char out_text[TIME_TEXT_BYTES]) {
    const int64_t first = date_days((struct date){.year = 0, .month = 1, .day = 1}) * DAY_MS;
    const int64_t end =
        date_days((struct date){.year = YEAR_MAX + 1, .month = 1, .day = 1}) * DAY_MS;
    const int64_t ms = wall_ms < first ? first : wall_ms >= end ? end - 1 : wall_ms;
    const int64_t day = (ms >= 0 ? ms : ms - (DAY_MS - 1)) / DAY_MS;
    const int64_t rest = ms - day * DAY_MS;
    const struct date date = date_of_days(day);
    (void)snprintf(out_text, TIME_TEXT_BYTES, "0000-00-00T00:00:00.000");
    write_digits(out_text, date.year, 4);
    write_digits(out_text + 5, date.month, 2);
    write_digits(out_text + 8, date.day, 2);
    write_digits(out_text + 11, rest / 3600000, 2);
    write_digits(out_text + 14, rest / 60000 % 60, 2);
    write_digits(out_text + 17, rest / 1000 % 60, 2);
    write_digits(out_text + 20, rest % 1000, 3);
}

void time_write(int64_t wall_ms, char out_text[TIME_TEXT_BYTES]) {
    time_write_plain(wall_ms, out_text);
    out_text[23] = 'Z';
    out_text[24] = '\0';
}

/* What is left of a text that is being read; a step that does not fit sets failed. */
struct cursor {
    struct slice rest;
    bool failed;
};

static char peek(const struct cursor *cursor) {
    return cursor->rest.count > 0 ? cursor->rest.bytes[0] : '\0';
}

static void skip(struct cursor *cursor) {
    cursor->rest = slice_part(cursor->rest, 1, cursor->rest.count);
}

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

static int take_digits(struct cursor *cursor, int digits) {
    int number = 0;
    for (int i = 0; i < digits; i++) {
        if (!is_digit(peek(cursor))) {
            cursor->failed = true;
            return 0;
        }
        number = number * 10 + (peek(cursor) - '0');
        skip(cursor);
    }
    return number;
}

static void take_one_of(struct cursor *cursor, const char *either) {
    const char c = peek(cursor);
    for (; *either != '\0'; either++) {
        if (c == *either) {
            skip(cursor);
            return;
        }
    }
    cursor->failed = true;
}

/* Any number of digits after the point; what is finer than a millisecond is cut. */
static int take_fraction(struct cursor *cursor) {
    if (peek(cursor) != '.') {
        return 0;
    }
    skip(cursor);
    int ms = take_digits(cursor, 1) * 100;
    for (int unit = 10; is_digit(peek(cursor)); unit /= 10) {
        ms += (peek(cursor) - '0') * unit;
        skip(cursor);
    }
    return ms;
}

static int64_t take_offset_minutes(struct cursor *cursor) {
    const char sign = peek(cursor);
    take_one_of(cursor, "Zz+-");
    if (cursor->failed || sign == 'Z' || sign == 'z') {
        return 0;
    }
    const int hours = take_digits(cursor, 2);
    take_one_of(cursor, ":");
    const int minutes = take_digits(cursor, 2);
    cursor->failed = cursor->failed || hours > 23 || minutes > 59;
    return (sign == '-' ? -1 : 1) * (hours * 60 + minutes);
}

static struct date take_date(struct cursor *cursor) {
    struct date date = {0};
    date.year = take_digits(cursor, 4);
    take_one_of(cursor, "-");
    date.month = take_digits(cursor, 2);
    take_one_of(cursor, "-");
    date.day = take_digits(cursor, 2);
    if (date.month < 1 || date.month > 12 || date.day < 1) {
        cursor->failed = true;
        return date;
    }
    /* 30 February comes back as a day of March. */
    const struct date back = date_of_days(date_days(date));
    cursor->failed = cursor->failed || back.month != date.month || back.day != date.day;
    return date;
}

bool time_read(struct slice text, int64_t *out_wall_ms) {
    struct cursor cursor = {.rest = text};
    const struct date date = take_date(&cursor);
    take_one_of(&cursor, "Tt ");
    const int hour = take_digits(&cursor, 2);
    take_one_of(&cursor, ":");
    const int minute = take_digits(&cursor, 2);
    take_one_of(&cursor, ":");
    const int second = take_digits(&cursor, 2);
    const int ms = take_fraction(&cursor);
    const int64_t offset = take_offset_minutes(&cursor);
    /* 60 is a leap second; it is counted as the next minute's first, as the kernel does. */
    if (cursor.failed || cursor.rest.count > 0 || hour > 23 || minute > 59 || second > 60) {
        return false;
    }
    *out_wall_ms = date_days(date) * DAY_MS +
                   ((hour * 60 + minute - offset) * 60 + second) * INT64_C(1000) + ms;
    return true;
}

static const struct {
    const char *name;
    int64_t ms;
} UNITS[] = {{"d", DAY_MS}, {"h", 3600000}, {"m", 60000}, {"s", 1000}, {"ms", 1}};

enum { UNIT_COUNT = sizeof(UNITS) / sizeof(UNITS[0]) };

bool time_read_span(struct slice text, int64_t *out_ms) {
    const int64_t most = (int64_t)DAYS_MAX * DAY_MS;
    int64_t number = 0;
    size_t i = 0;
    for (; i < text.count && is_digit(text.bytes[i]); i++) {
        number = number * 10 + (text.bytes[i] - '0');
        if (number > most) {
            return false;
        }
    }
    const struct slice unit = slice_part(text, i, text.count);
    if (i == 0) {
        return false;
    }
    if (unit.count == 0 && number == 0) {
        *out_ms = 0;
        return true;
    }
    for (int u = 0; u < UNIT_COUNT; u++) {
        if (slice_is(unit, UNITS[u].name)) {
            if (number > most / UNITS[u].ms) {
                return false;
            }
            *out_ms = number * UNITS[u].ms;
            return true;
        }
    }
    return false;
}

void time_write_span(int64_t ms, char out_text[TIME_TEXT_BYTES]) {
    if (ms == 0) {
        (void)snprintf(out_text, TIME_TEXT_BYTES, "0");
        return;
    }
    int u = 0;
    while (ms % UNITS[u].ms != 0) {
        u++;
    }
    (void)snprintf(out_text, TIME_TEXT_BYTES, "%" PRId64 "%s", ms / UNITS[u].ms, UNITS[u].name);
}
