// SPDX-License-Identifier: Apache-2.0
#include "model/budget.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"
#include "wire/fault.h"

enum { SHOWN_BYTES_MAX = 16, NUMBER_BYTES_MAX = 32, AMOUNT_BYTES_MAX = 48, DIGITS_MAX = 9 };

static const struct unit {
    const char *name;
    enum cost_measure measure;
    double factor;
} UNITS[] = {
    {"ms", COST_TIME, 1},        {"s", COST_TIME, 1e3},       {"us", COST_TIME, 1e-3},
    {"B", COST_BYTES, 1},        {"KB", COST_BYTES, 1e3},     {"MB", COST_BYTES, 1e6},
    {"GB", COST_BYTES, 1e9},     {"KiB", COST_BYTES, 0x1p10}, {"MiB", COST_BYTES, 0x1p20},
    {"GiB", COST_BYTES, 0x1p30}, {"dB", COST_DECIBELS, 1},    {"%", COST_SHARE, 1e-2},
    {"x", COST_TIME, 0},         {"x", COST_BYTES, 0},
};
enum { UNITS_COUNT = sizeof(UNITS) / sizeof(UNITS[0]) };

/* For sentences: what may stand behind a number of that measure. */
static const char *const UNIT_LISTS[] = {
    [COST_TIME] = "ms, s, us, or x for times the reference",
    [COST_BYTES] = "B, KB, MB, GB, KiB, MiB, GiB, or x for times the reference",
    [COST_DECIBELS] = "dB",
    [COST_SHARE] = "none, or %",
    [COST_NUMBER] = "none",
};

/* The objective's words, in both spellings; `maximise` for the second half. */
static const char *const OBJECTIVES[] = {"minimise", "minimize", "maximise", "maximize", NULL};

static const struct {
    const char *text;
    enum budget_bound bound;
    const char *broken;
} BOUNDS[] = {
    {"<=", BUDGET_AT_MOST, "over"},
    {">=", BUDGET_AT_LEAST, "under"},
    {"<", BUDGET_BELOW, "not under"},
    {">", BUDGET_ABOVE, "not over"},
};
enum { BOUNDS_COUNT = sizeof(BOUNDS) / sizeof(BOUNDS[0]) };

/* --- reading --- */

struct reader {
    struct slice text;
    size_t at;
    struct error *err;
};

/* What stands from `from` to where the reader is. */
static struct slice since(const struct reader *reader, size_t from) {
    return slice_part(reader->text, from, reader->at);
}

static status fault(const struct reader *reader, size_t at, const char *sentence) {
    return fail(reader->err, STATUS_INVALID, "the budget, column %zu: %s", at + 1, sentence);
}

static bool is_end(const struct reader *reader) {
    return reader->at >= reader->text.count;
}

static bool is_one_of(char c, const char *set) {
    return c != '\0' && strchr(set, c) != NULL;
}

static void skip_blanks(struct reader *reader) {
    while (!is_end(reader) && is_one_of(reader->text.bytes[reader->at], " \t\r\n")) {
        reader->at++;
    }
}

/* Goes over all bytes that are letters, or in `more`. */
static struct slice take(struct reader *reader, bool letters, const char *more) {
    const size_t from = reader->at;
    for (; !is_end(reader); reader->at++) {
        const char c = reader->text.bytes[reader->at];
        const bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (!(letters && is_letter) && !is_one_of(c, more)) {
            break;
        }
    }
    return since(reader, from);
}

static struct slice take_name(struct reader *reader) {
    return take(reader, true, "0123456789._");
}

/* What stands where something else should: as much of it as can be quoted. */
static struct slice what_stands(const struct reader *reader) {
    const struct slice rest = slice_part(reader->text, reader->at, reader->text.count);
    size_t count = 0;
    while (count < rest.count && count < SHOWN_BYTES_MAX && !is_one_of(rest.bytes[count], " ,;")) {
        count++;
    }
    return text_cut(slice_part(rest, 0, count > 0 ? count : 1), SHOWN_BYTES_MAX);
}

static status fault_here(const struct reader *reader, const char *wanted) {
    char sentence[ERROR_TEXT_MAX];
    if (is_end(reader)) {
        (void)snprintf(sentence, sizeof(sentence), "it ends where %s should stand", wanted);
    } else {
        (void)snprintf(sentence, sizeof(sentence), "`%.*s` stands where %s should",
                       QUOTED(what_stands(reader)), wanted);
    }
    return fault(reader, reader->at, sentence);
}

static bool kind_of(struct slice name, enum cost_kind *out_kind) {
    if (slice_is(name, "latency")) {
        *out_kind = COST_LATENCY_P50;
        return true;
    }
    for (int i = 0; i < COST_COUNT; i++) {
        if (slice_is(name, cost_name((enum cost_kind)i))) {
            *out_kind = (enum cost_kind)i;
            return true;
        }
    }
    return false;
}

static status unknown_name(const struct reader *reader, size_t at, struct slice name) {
    const char *names[COST_COUNT + 2];
    char sentence[ERROR_TEXT_MAX];
    names[0] = "latency";
    for (int i = 0; i < COST_COUNT; i++) {
        names[i + 1] = cost_name((enum cost_kind)i);
    }
    names[COST_COUNT + 1] = NULL;
    const char *nearest = text_nearest(name, names);
    (void)snprintf(sentence, sizeof(sentence), "`%.*s` is nothing that is measured%s", QUOTED(name),
                   nearest != NULL ? fault_hint(nearest).text
                                   : ": latency, latency_p50, latency_p95, latency_min, cpu, load, "
                                     "first, rss, hwm, size, size_compressed, drift.sqnr, "
                                     "drift.cosine, drift.argmax, drift.max or drift.metric");
    return fault(reader, at, sentence);
}

static status read_kind(struct reader *reader, const char *wanted, enum cost_kind *out_kind) {
    const size_t at = reader->at;
    const struct slice name = take_name(reader);
    if (name.count == 0) {
        return fault_here(reader, wanted);
    }
    return kind_of(name, out_kind) ? STATUS_OK : unknown_name(reader, at, name);
}

static status read_bound(struct reader *reader, enum budget_bound *out_bound) {
    const struct slice rest = slice_part(reader->text, reader->at, reader->text.count);
    for (int i = 0; i < BOUNDS_COUNT; i++) {
        if (slice_starts(rest, BOUNDS[i].text)) {
            reader->at += strlen(BOUNDS[i].text);
            *out_bound = BOUNDS[i].bound;
            return STATUS_OK;
        }
    }
    return fault_here(reader, "<=, >=, < or >");
}

static status read_number(struct reader *reader, double *out_number) {
    const size_t at = reader->at;
    char text[NUMBER_BYTES_MAX];
    char *end = NULL;
    (void)take(reader, false, "+-");
    (void)take(reader, false, "0123456789.");
    const struct slice number = since(reader, at);
    if (number.count == 0) {
        return fault_here(reader, "a number");
    }
    (void)snprintf(text, sizeof(text), "%.*s", SLICE_ARGS(number));
    const double read = strtod(text, &end);
    if (number.count >= sizeof(text) || *end != '\0' || end == text) {
        char sentence[ERROR_TEXT_MAX];
        (void)snprintf(sentence, sizeof(sentence), "`%.*s` is no number such as 15 or 0.97",
                       QUOTED(number));
        return fault(reader, at, sentence);
    }
    *out_number = read;
    return STATUS_OK;
}

/* The unit of another case, or the nearest one; NULL: none is near. */
static const char *nearest_unit(struct slice word, enum cost_measure measure) {
    const char *names[UNITS_COUNT + 1];
    size_t count = 0;
    for (int i = 0; i < UNITS_COUNT; i++) {
        if (UNITS[i].measure == measure) {
            const char *name = UNITS[i].name;
            if (strlen(name) == word.count && strncasecmp(name, word.bytes, word.count) == 0) {
                return name;
            }
            names[count++] = name;
        }
    }
    names[count] = NULL;
    return text_nearest(word, names);
}

static status unknown_unit(const struct reader *reader, size_t at, struct slice word,
                           enum cost_kind kind) {
    const enum cost_measure measure = cost_measure(kind);
    char sentence[ERROR_TEXT_MAX];
    const char *nearest = word.count > 0 ? nearest_unit(word, measure) : NULL;
    if (nearest != NULL) {
        (void)snprintf(sentence, sizeof(sentence), "`%.*s` is no unit%s", QUOTED(word),
                       fault_hint(nearest).text);
    } else if (word.count > 0) {
        (void)snprintf(sentence, sizeof(sentence), "`%.*s` is no unit of %s: %s", QUOTED(word),
                       cost_name(kind), UNIT_LISTS[measure]);
    } else {
        (void)snprintf(sentence, sizeof(sentence), "a number of %s wants a unit: %s",
                       cost_name(kind), UNIT_LISTS[measure]);
    }
    return fault(reader, at, sentence);
}

static status read_unit(struct reader *reader, struct budget_limit *limit) {
    const enum cost_measure measure = cost_measure(limit->kind);
    skip_blanks(reader);
    const size_t at = reader->at;
    const struct slice word = take(reader, true, "%");
    for (int i = 0; i < UNITS_COUNT; i++) {
        if (UNITS[i].measure == measure && slice_is(word, UNITS[i].name)) {
            limit->unit = UNITS[i].name;
            limit->factor = UNITS[i].factor;
            return STATUS_OK;
        }
    }
    const bool may_lack = measure == COST_SHARE || measure == COST_NUMBER || limit->number == 0;
    if (word.count > 0 || !may_lack) {
        return unknown_unit(reader, at, word, limit->kind);
    }
    limit->unit = "";
    limit->factor = 1;
    return STATUS_OK;
}

static status read_limit(struct reader *reader, struct budget *budget) {
    struct budget_limit limit = {0};
    const size_t begin = reader->at;
    TRY(read_kind(reader, "what is limited, such as latency,", &limit.kind));
    skip_blanks(reader);
    TRY(read_bound(reader, &limit.bound));
    skip_blanks(reader);
    const size_t at = reader->at;
    TRY(read_number(reader, &limit.number));
    if (limit.number < 0 && cost_measure(limit.kind) != COST_DECIBELS) {
        return fault(reader, at, "no such number is below 0");
    }
    TRY(read_unit(reader, &limit));
    if (budget->limit_count == BUDGET_LIMITS_MAX) {
        return fault(reader, begin, "a budget has at most 16 limits");
    }
    budget->limits[budget->limit_count++] = limit;
    return STATUS_OK;
}

/* -1: the word is none of them. */
static int objective_of(struct slice word) {
    for (int i = 0; OBJECTIVES[i] != NULL; i++) {
        if (slice_is(word, OBJECTIVES[i])) {
            return i;
        }
    }
    return -1;
}

static bool begins_objective(const struct reader *reader) {
    struct reader ahead = *reader;
    return objective_of(take_name(&ahead)) >= 0;
}

static status read_objective(struct reader *reader, struct budget *budget) {
    const size_t at = reader->at;
    const struct slice word = take_name(reader);
    const int objective = objective_of(word);
    if (word.count == 0) {
        return fault_here(reader, "minimise or maximise");
    }
    if (objective < 0) {
        enum cost_kind kind;
        char sentence[ERROR_TEXT_MAX];
        const char *nearest = text_nearest(word, OBJECTIVES);
        const char *wanted = kind_of(word, &kind)
                                 ? ": limits are parted by `,`, and behind `;` stands minimise or "
                                   "maximise"
                                 : ", minimise or maximise";
        (void)snprintf(sentence, sizeof(sentence), "`%.*s` stands behind `;`%s", QUOTED(word),
                       nearest != NULL ? fault_hint(nearest).text : wanted);
        return fault(reader, at, sentence);
    }
    budget->maximise = objective >= 2;
    skip_blanks(reader);
    TRY(read_kind(reader, "what to minimise or maximise, such as latency,", &budget->objective));
    skip_blanks(reader);
    return is_end(reader) ? STATUS_OK : fault_here(reader, "nothing more");
}

/* Limits up to the end, or to a `;`, which is gone over. */
static status read_limits(struct reader *reader, struct budget *budget, bool *out_more) {
    *out_more = false;
    for (;;) {
        skip_blanks(reader);
        if (begins_objective(reader)) {
            return fault(reader, reader->at, "in front of minimise and maximise stands `;`");
        }
        TRY(read_limit(reader, budget));
        skip_blanks(reader);
        if (is_end(reader)) {
            return STATUS_OK;
        }
        const char next = reader->text.bytes[reader->at];
        if (next != ',' && next != ';') {
            return fault_here(reader, "`,` and another limit, or `;` and minimise,");
        }
        reader->at++;
        if (next == ';') {
            *out_more = true;
            return STATUS_OK;
        }
    }
}

void budget_init(struct budget *budget) {
    *budget = (struct budget){.objective = COST_LATENCY_P50};
}

status budget_read(struct slice text, struct budget *out_budget, struct error *err) {
    struct reader reader = {.text = text, .err = err};
    struct budget budget;
    budget_init(&budget);
    if (text.count > BUDGET_BYTES_MAX) {
        return fail(err, STATUS_INVALID, "a budget has at most %d bytes", BUDGET_BYTES_MAX);
    }
    skip_blanks(&reader);
    bool more = begins_objective(&reader);
    if (!more) {
        TRY(read_limits(&reader, &budget, &more));
        skip_blanks(&reader);
    }
    if (more) {
        TRY(read_objective(&reader, &budget));
    }
    *out_budget = budget;
    return STATUS_OK;
}

/* --- holding a cost against it --- */

/* The number in the limit's unit with at most so many digits behind the point, none of them a zero
 * at the end. */
static void write_amount(double number, const char *unit, int digits,
                         char out_text[AMOUNT_BYTES_MAX]) {
    char text[AMOUNT_BYTES_MAX / 2];
    (void)snprintf(text, sizeof(text), fabs(number) < 1e12 ? "%.*f" : "%.*e", digits, number);
    size_t count = strlen(text);
    while (strchr(text, '.') != NULL && (text[count - 1] == '0' || text[count - 1] == '.')) {
        const bool was_point = text[count - 1] == '.';
        text[--count] = '\0';
        if (was_point) {
            break;
        }
    }
    const bool stands_close = unit[0] == '\0' || strcmp(unit, "x") == 0;
    (void)snprintf(out_text, AMOUNT_BYTES_MAX, "%s%s%s", text, stands_close ? "" : " ", unit);
}

/* Three digits that count, and more where the two numbers would read the same. */
static void write_amounts(double number, const struct budget_limit *limit,
                          char out_number[AMOUNT_BYTES_MAX], char out_limit[AMOUNT_BYTES_MAX]) {
    const double size = fabs(number);
    int digits = size >= 100 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : 3;
    write_amount(limit->number, limit->unit, DIGITS_MAX, out_limit);
    write_amount(number, limit->unit, digits, out_number);
    while (strcmp(out_number, out_limit) == 0 && number != limit->number && digits < DIGITS_MAX) {
        write_amount(number, limit->unit, ++digits, out_number);
    }
}

/* 0.29 is not quite 29 hundredths. */
static bool is_kept(double number, const struct budget_limit *limit) {
    const double slack = fabs(limit->number) * 1e-12;
    switch (limit->bound) {
    case BUDGET_AT_MOST:
        return number <= limit->number + slack;
    case BUDGET_AT_LEAST:
        return number >= limit->number - slack;
    case BUDGET_BELOW:
        return number < limit->number - slack;
    default:
        return number > limit->number + slack;
    }
}

static bool keeps_limit(const struct budget_limit *limit, const struct cost *cost,
                        const struct cost *reference, char out_why[BUDGET_WHY_BYTES_MAX]) {
    const bool is_relative = limit->factor == 0;
    const double worth = !is_relative        ? limit->factor
                         : reference == NULL ? NAN
                                             : reference->of[limit->kind];
    const double number = cost->of[limit->kind] / worth;
    char amount[AMOUNT_BYTES_MAX];
    char bound[AMOUNT_BYTES_MAX];
    if (isnan(number)) {
        (void)snprintf(out_why, BUDGET_WHY_BYTES_MAX, "%s was not measured%s",
                       cost_words(limit->kind),
                       isnan(cost->of[limit->kind]) ? "" : " of the reference");
        return false;
    }
    if (is_kept(number, limit)) {
        return true;
    }
    write_amounts(number, limit, amount, bound);
    (void)snprintf(out_why, BUDGET_WHY_BYTES_MAX, "%s %s%s is %s %s", cost_words(limit->kind),
                   amount, is_relative ? " the reference's" : "", BOUNDS[limit->bound].broken,
                   bound);
    return false;
}

bool budget_keeps(const struct budget *budget, const struct cost *cost,
                  const struct cost *reference, char out_why[BUDGET_WHY_BYTES_MAX]) {
    for (uint32_t i = 0; i < budget->limit_count; i++) {
        if (!keeps_limit(&budget->limits[i], cost, reference, out_why)) {
            return false;
        }
    }
    return true;
}

/* What the limit allows is counted from 1 for shares, in power for decibels, else from 0. */
static void tighten(struct budget_limit *limit, double share) {
    const bool is_least = limit->bound == BUDGET_AT_LEAST || limit->bound == BUDGET_ABOVE;
    if (limit->factor == 0 || is_least != (limit->kind != COST_DRIFT_MAX)) {
        return;
    }
    const double number = limit->number * limit->factor;
    const double tight = limit->kind == COST_DRIFT_MAX    ? number * share
                         : limit->kind == COST_DRIFT_SQNR ? number - 10 * log10(share)
                                                          : 1 - (1 - number) * share;
    limit->number = tight / limit->factor;
}

struct budget budget_drift(const struct budget *budget, double share) {
    struct budget drift;
    budget_init(&drift);
    for (uint32_t i = 0; i < budget->limit_count; i++) {
        const struct budget_limit *limit = &budget->limits[i];
        if (limit->kind >= COST_DRIFT_SQNR && limit->kind <= COST_DRIFT_MAX) {
            drift.limits[drift.limit_count] = *limit;
            tighten(&drift.limits[drift.limit_count++], share);
        }
    }
    return drift;
}
