// SPDX-License-Identifier: Apache-2.0
#include "platform/zone_rule.h"

#include "base/date.h"

enum { DAY_S = 86400, HOURS_MAX = 167, CHANGES = 6 };

/* What is left of the text; a part that does not fit sets failed. */
struct rest {
    struct slice text;
    bool failed;
};

static char peek(const struct rest *rest) {
    return rest->text.count > 0 ? rest->text.bytes[0] : '\0';
}

static bool take(struct rest *rest, char c) {
    if (peek(rest) != c) {
        return false;
    }
    rest->text = slice_part(rest->text, 1, rest->text.count);
    return true;
}

static void want(struct rest *rest, char c) {
    rest->failed = !take(rest, c) || rest->failed;
}

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

static bool is_letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static int take_number(struct rest *rest, int least, int most) {
    int number = 0;
    rest->failed = rest->failed || !is_digit(peek(rest));
    while (is_digit(peek(rest)) && number <= most) {
        number = number * 10 + (peek(rest) - '0');
        (void)take(rest, peek(rest));
    }
    rest->failed = rest->failed || number < least || number > most;
    return number;
}

/* The zone's letters, or anything plain within < and >. */
static void take_name(struct rest *rest) {
    size_t count = 0;
    const bool quoted = take(rest, '<');
    while (is_letter(peek(rest)) ||
           (quoted && (is_digit(peek(rest)) || peek(rest) == '+' || peek(rest) == '-'))) {
        (void)take(rest, peek(rest));
        count++;
    }
    rest->failed = rest->failed || count < 3;
    if (quoted) {
        want(rest, '>');
    }
}

/* [+-]hh[:mm[:ss]] */
static int32_t take_time(struct rest *rest, int hours_most) {
    const bool minus = take(rest, '-');
    if (!minus) {
        (void)take(rest, '+');
    }
    int32_t seconds = take_number(rest, 0, hours_most) * 3600;
    if (take(rest, ':')) {
        seconds += take_number(rest, 0, 59) * 60;
        if (take(rest, ':')) {
            seconds += take_number(rest, 0, 59);
        }
    }
    return minus ? -seconds : seconds;
}

static struct zone_day take_day(struct rest *rest) {
    struct zone_day day = {.kind = ZONE_DAY_OF_YEAR, .time_s = 2 * 3600};
    want(rest, ',');
    if (take(rest, 'M')) {
        day.kind = ZONE_DAY_MONTH;
        day.month = take_number(rest, 1, 12);
        want(rest, '.');
        day.week = take_number(rest, 1, 5);
        want(rest, '.');
        day.weekday = take_number(rest, 0, 6);
    } else if (take(rest, 'J')) {
        day.kind = ZONE_DAY_JULIAN;
        day.day = take_number(rest, 1, 365);
    } else {
        day.day = take_number(rest, 0, 365);
    }
    if (take(rest, '/')) {
        day.time_s = take_time(rest, HOURS_MAX);
    }
    return day;
}

bool zone_rule_read(struct slice text, struct zone_rule *out_rule) {
    struct rest rest = {.text = text};
    struct zone_rule rule = {0};
    take_name(&rest);
    rule.standard_s = -take_time(&rest, 24); /* POSIX counts westwards */
    rule.summer_s = rule.standard_s + 3600;
    if (!rest.failed && rest.text.count > 0) {
        rule.has_summer = true;
        take_name(&rest);
        if (peek(&rest) != ',') {
            rule.summer_s = -take_time(&rest, 24);
        }
        rule.summer_begins = take_day(&rest);
        rule.summer_ends = take_day(&rest);
    }
    if (rest.failed || rest.text.count > 0) {
        return false;
    }
    *out_rule = rule;
    return true;
}

/* Days since 1970. */
static int64_t day_in(const struct zone_day *day, int64_t year) {
    const int64_t first = date_days((struct date){.year = year, .month = 1, .day = 1});
    if (day->kind == ZONE_DAY_OF_YEAR) {
        return first + day->day;
    }
    if (day->kind == ZONE_DAY_JULIAN) { /* 29 February is never counted */
        const bool leap = date_month_length(year, 2) == 29;
        return first + day->day - 1 + (leap && day->day >= 60 ? 1 : 0);
    }
    const int64_t month = date_days((struct date){.year = year, .month = day->month, .day = 1});
    const int length = date_month_length(year, day->month);
    int offset = (day->weekday - date_weekday(month) + 7) % 7 + (day->week - 1) * 7;
    while (offset >= length) { /* week 5 is the last one */
        offset -= 7;
    }
    return month + offset;
}

struct change {
    int64_t at_s;
    int32_t offset_s;
};

/* Those of a year before to a year after, in order. */
static void list_changes(const struct zone_rule *rule, int64_t year, struct change *changes) {
    for (int i = 0; i < CHANGES; i++) {
        const bool begins = i % 2 == 0;
        const struct zone_day *day = begins ? &rule->summer_begins : &rule->summer_ends;
        const int64_t local_s = day_in(day, year - 1 + i / 2) * DAY_S + day->time_s;
        const struct change change = {
            .at_s = local_s - (begins ? rule->standard_s : rule->summer_s),
            .offset_s = begins ? rule->summer_s : rule->standard_s,
        };
        int place = i;
        for (; place > 0 && changes[place - 1].at_s > change.at_s; place--) {
            changes[place] = changes[place - 1];
        }
        changes[place] = change;
    }
}

struct zone_piece zone_rule_piece_at(const struct zone_rule *rule, int64_t utc_s) {
    struct zone_piece piece = {.begins_s = INT64_MIN,
                               .ends_s = INT64_MAX,
                               .offset_s = rule->standard_s,
                               .before_s = rule->standard_s};
    if (!rule->has_summer) {
        return piece;
    }
    struct change changes[CHANGES];
    const int64_t day = (utc_s - (utc_s % DAY_S + DAY_S) % DAY_S) / DAY_S;
    list_changes(rule, date_of_days(day).year, changes);
    for (int i = 0; i < CHANGES; i++) {
        if (changes[i].at_s > utc_s) {
            piece.ends_s = changes[i].at_s;
            break;
        }
        piece.begins_s = changes[i].at_s;
        piece.before_s = i > 0 ? changes[i - 1].offset_s : changes[i + 1].offset_s;
        piece.offset_s = changes[i].offset_s;
    }
    return piece;
}
