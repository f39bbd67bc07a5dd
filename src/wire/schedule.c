// SPDX-License-Identifier: Apache-2.0
#include "wire/schedule.h"

#include <assert.h>

#include "base/date.h"

enum { DAY_MINUTES = 1440, FIELDS = 5, QUOTED_MAX = 40 };

/* 2026-01-01: from where a schedule is asked whether it ever comes. */
static const int64_t ORIGIN_MS = INT64_C(1767225600000);

struct field_kind {
    const char *name;
    int least, most;
    const char *names; /* three letters each, the first one for `least`; NULL: none */
    const char *example;
};

enum { MINUTE, HOUR, DAY, MONTH, WEEKDAY };

static const struct field_kind KINDS[FIELDS] = {
    [MINUTE] = {"minute", 0, 59, NULL, "0-59"},
    [HOUR] = {"hour", 0, 23, NULL, "0-23"},
    [DAY] = {"day of the month", 1, 31, NULL, "1-31"},
    [MONTH] = {"month", 1, 12, "janfebmaraprmayjunjulaugsepoctnovdec", "1-12 or jan-dec"},
    [WEEKDAY] = {"day of the week", 0, 7, "sunmontuewedthufrisat", "0-7 or sun-sat"},
};

static int quoted(struct slice text) {
    return (int)(text.count < QUOTED_MAX ? text.count : QUOTED_MAX);
}

static status refuse(const struct field_kind *kind, struct slice item, struct error *err) {
    return fail(err, STATUS_INVALID,
                "the %s `%.*s`: it is `*` or one of %s, with lists `1,3`, ranges "
                "`1-5` and steps `*/2`",
                kind->name, quoted(item), item.bytes, kind->example);
}

static char small(char c) {
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* A number or a name of the kind; false: neither. */
static bool read_value(const struct field_kind *kind, struct slice text, int *out_value) {
    int number = 0;
    for (size_t i = 0; i < text.count && text.count <= 4; i++) {
        if (text.bytes[i] < '0' || text.bytes[i] > '9') {
            number = -1;
            break;
        }
        number = number * 10 + (text.bytes[i] - '0');
    }
    if (text.count == 0 || text.count > 4) {
        return false;
    }
    for (int i = 0; number < 0 && kind->names != NULL && kind->names[(size_t)i * 3] != 0; i++) {
        const char *name = kind->names + (size_t)i * 3;
        if (text.count == 3 && small(text.bytes[0]) == name[0] && small(text.bytes[1]) == name[1] &&
            small(text.bytes[2]) == name[2]) {
            number = kind->least + i;
            break;
        }
    }
    *out_value = number;
    return number >= kind->least && number <= kind->most;
}

/* `*`, a, a-b, each but a alone with /step behind it. */
static status read_item(const struct field_kind *kind, struct slice item, uint64_t *bits,
                        struct error *err) {
    const size_t slash = slice_find(item, '/');
    const struct slice range = slice_part(item, 0, slash);
    const size_t dash = slice_find(range, '-');
    const bool all = slice_is(range, "*");
    int first = kind->least, last = kind->most, step = 1;
    if (!all && !read_value(kind, slice_part(range, 0, dash), &first)) {
        return refuse(kind, item, err);
    }
    if (!all && dash == range.count) {
        last = first;
    } else if (!all && !read_value(kind, slice_part(range, dash + 1, range.count), &last)) {
        return refuse(kind, item, err);
    }
    if (kind == &KINDS[WEEKDAY] && !all && dash < range.count && last == 0) {
        last = 7; /* fri-sun */
    }
    if (first > last) {
        return fail(err, STATUS_INVALID,
                    "the %s `%.*s` runs backwards: write two ranges with a comma, up to the end "
                    "and from the start",
                    kind->name, quoted(item), item.bytes);
    }
    if (slash < item.count) {
        const struct field_kind steps = {.least = 1, .most = kind->most};
        if (!read_value(&steps, slice_part(item, slash + 1, item.count), &step)) {
            return fail(err, STATUS_INVALID, "the %s `%.*s`: a step is a number from 1 to %d",
                        kind->name, quoted(item), item.bytes, kind->most);
        }
        if (!all && dash == range.count) {
            return fail(err, STATUS_INVALID,
                        "the %s `%.*s`: a step stands behind `*` or a range, such as `%d-%d/%d`",
                        kind->name, quoted(item), item.bytes, first, kind->most, step);
        }
    }
    assert(first >= 0 && last < 64);
    for (int i = first; i <= last; i += step) {
        *bits |= UINT64_C(1) << i;
    }
    return STATUS_OK;
}

static status read_field(const struct field_kind *kind, struct slice text, uint64_t *out_bits,
                         struct error *err) {
    uint64_t bits = 0;
    struct slice rest = text;
    for (bool more = true; more;) {
        const size_t comma = slice_find(rest, ',');
        TRY(read_item(kind, slice_part(rest, 0, comma), &bits, err));
        more = comma < rest.count;
        rest = slice_part(rest, more ? comma + 1 : comma, rest.count);
    }
    *out_bits = bits;
    return STATUS_OK;
}

/* The words between blanks; returns how many there are, of which the first five are kept. */
static uint32_t split(struct slice text, struct slice fields[FIELDS]) {
    uint32_t count = 0;
    size_t begin = 0;
    for (size_t i = 0; i <= text.count; i++) {
        const bool blank = i == text.count || text.bytes[i] == ' ' || text.bytes[i] == '\t';
        if (blank && i > begin) {
            if (count < FIELDS) {
                fields[count] = slice_part(text, begin, i);
            }
            count++;
        }
        begin = blank ? i + 1 : begin;
    }
    return count;
}

static status read_fields(struct slice text, struct schedule *schedule, struct error *err) {
    struct slice fields[FIELDS];
    uint64_t bits[FIELDS];
    const uint32_t count = split(text, fields);
    if (count != FIELDS) {
        return fail(err, STATUS_INVALID,
                    "a schedule has 5 fields, this one %u: minute, hour, day of the month, month, "
                    "day of the week, such as `30 6 * * mon-fri`%s",
                    (unsigned)count,
                    count == FIELDS + 1 ? "; for seconds there is `interval`" : "");
    }
    for (int i = 0; i < FIELDS; i++) {
        TRY(read_field(&KINDS[i], fields[i], &bits[i], err));
    }
    *schedule = (struct schedule){
        .minutes = bits[MINUTE],
        .hours = (uint32_t)bits[HOUR],
        .days = (uint32_t)bits[DAY],
        .months = (uint32_t)bits[MONTH],
        .weekdays = (uint32_t)((bits[WEEKDAY] | bits[WEEKDAY] >> 7) & 0x7f),
        .every_hour = slice_starts(fields[HOUR], "*") || bits[HOUR] == 0xffffff,
        .either_day = !slice_starts(fields[DAY], "*") && !slice_starts(fields[WEEKDAY], "*"),
    };
    return STATUS_OK;
}

/* "@daily" and the like as five fields; what has no such name stays as it is. */
static struct slice unfold(struct slice text) {
    static const char *const WORDS[][2] = {{"@hourly", "0 * * * *"},   {"@daily", "0 0 * * *"},
                                           {"@midnight", "0 0 * * *"}, {"@weekly", "0 0 * * 0"},
                                           {"@monthly", "0 0 1 * *"},  {"@yearly", "0 0 1 1 *"},
                                           {"@annually", "0 0 1 1 *"}};
    for (size_t i = 0; i < sizeof(WORDS) / sizeof(WORDS[0]); i++) {
        if (slice_is(text, WORDS[i][0])) {
            return slice_of(WORDS[i][1]);
        }
    }
    return text;
}

static bool is_day(const struct schedule *schedule, int64_t days) {
    const struct date date = date_of_days(days);
    if ((schedule->months >> date.month & 1) == 0) {
        return false;
    }
    const bool day = (schedule->days >> date.day & 1) != 0;
    const bool weekday = (schedule->weekdays >> date_weekday(days) & 1) != 0;
    return schedule->either_day ? day || weekday : day && weekday;
}

status schedule_read(struct slice text, struct schedule *out_schedule, struct error *err) {
    struct schedule schedule = {0};
    if (text.count > SCHEDULE_BYTES_MAX) {
        return fail(err, STATUS_INVALID, "a schedule has at most %d characters",
                    SCHEDULE_BYTES_MAX);
    }
    const struct slice fields = unfold(slice_trim(text));
    if (slice_starts(fields, "@")) {
        return fail(err, STATUS_INVALID,
                    "`%.*s`: the words are @hourly, @daily, @weekly, @monthly and @yearly",
                    quoted(fields), fields.bytes);
    }
    TRY(read_fields(fields, &schedule, err));
    const int64_t first = ORIGIN_MS / 1000 / 60 / DAY_MINUTES;
    for (int64_t day = 0; day < (int64_t)SCHEDULE_YEARS_MAX * 365; day++) {
        if (is_day(&schedule, first + day)) {
            *out_schedule = schedule;
            return STATUS_OK;
        }
    }
    return fail(err, STATUS_INVALID, "no month that is said has such a day: it would never come");
}

static int64_t floor_to(int64_t number, int64_t unit) {
    return number / unit - (number % unit < 0 ? 1 : 0);
}

static int64_t ceil_to(int64_t number, int64_t unit) {
    return -floor_to(-number, unit);
}

static int lowest(uint64_t bits) {
    return __builtin_ctzll(bits);
}

/* The first minute of the day from `minute` on; false: none. */
static bool find_in_day(const struct schedule *schedule, int minute, int *out_minute) {
    const int hour = minute / 60;
    const uint64_t later = schedule->minutes & (~UINT64_C(0) << minute % 60);
    if ((schedule->hours >> hour & 1) != 0 && later != 0) {
        *out_minute = hour * 60 + lowest(later);
        return true;
    }
    const uint64_t hours = schedule->hours & (~UINT64_C(0) << (hour + 1));
    if (hours == 0) {
        return false;
    }
    *out_minute = lowest(hours) * 60 + lowest(schedule->minutes);
    return true;
}

/* The first local minute (since 1970) in [from, to) that is meant. */
static bool find_between(const struct schedule *schedule, int64_t from, int64_t to,
                         int64_t *out_minute) {
    for (int64_t at = from; at < to;) {
        const int64_t day = floor_to(at, DAY_MINUTES);
        int minute;
        if (is_day(schedule, day) &&
            find_in_day(schedule, (int)(at - day * DAY_MINUTES), &minute)) {
            *out_minute = day * DAY_MINUTES + minute;
            return *out_minute < to;
        }
        at = (day + 1) * DAY_MINUTES;
    }
    return false;
}

/* Whether something that names its hours lies in the local time that was left out before it. */
static bool is_in_gap(const struct schedule *schedule, const struct zone_piece *piece) {
    int64_t minute;
    return !schedule->every_hour && piece->offset_s > piece->before_s &&
           find_between(schedule, ceil_to(piece->begins_s + piece->before_s, 60),
                        ceil_to(piece->begins_s + piece->offset_s, 60), &minute);
}

bool schedule_next(const struct schedule *schedule, const struct zone *zone, int64_t after_ms,
                   int64_t *out_ms) {
    const int64_t after_s = floor_to(after_ms, 1000);
    const int64_t end_s = after_s + (int64_t)SCHEDULE_YEARS_MAX * 366 * DAY_MINUTES * 60;
    for (int64_t at_s = after_s + 1; at_s < end_s;) {
        const struct zone_piece piece = zone_piece_at(zone, at_s);
        const int64_t until_s = piece.ends_s < end_s ? piece.ends_s : end_s;
        int64_t from = ceil_to(at_s + piece.offset_s, 60);
        int64_t minute;
        if (piece.begins_s == at_s && is_in_gap(schedule, &piece)) {
            *out_ms = at_s * 1000;
            return true;
        }
        if (!schedule->every_hour && piece.before_s > piece.offset_s) { /* shown a second time */
            const int64_t fresh = ceil_to(piece.begins_s + piece.before_s, 60);
            from = from > fresh ? from : fresh;
        }
        if (find_between(schedule, from, ceil_to(until_s + piece.offset_s, 60), &minute)) {
            *out_ms = (minute * 60 - piece.offset_s) * 1000;
            return true;
        }
        at_s = until_s;
    }
    return false;
}
