// SPDX-License-Identifier: Apache-2.0
#include "base/value.h"

#include <assert.h>
#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/blob.h"
#include "base/memory.h"

enum {
    DIGITS_MAX = 800, /* no decimal needs more digits to be rounded right */
    INTEGER_BYTES = 24,
    SMALL_COUNT = 16 /* members up to which sorting costs more than looking through them */
};

const char *value_kind_name(enum value_kind kind) {
    switch (kind) {
    case VALUE_NULL:
        return "null";
    case VALUE_BOOLEAN:
        return "boolean";
    case VALUE_INTEGER:
    case VALUE_REAL:
    case VALUE_RAW:
        return "number";
    case VALUE_TEXT:
        return "string";
    case VALUE_LIST:
        return "list";
    case VALUE_OBJECT:
        return "object";
    case VALUE_BLOB:
        return "blob";
    }
    return "unknown";
}

bool value_truth(struct value value) {
    return value.kind != VALUE_NULL && (value.kind != VALUE_BOOLEAN || value.boolean);
}

bool value_is_number(struct value value) {
    return value.kind == VALUE_INTEGER || value.kind == VALUE_REAL || value.kind == VALUE_RAW;
}

/* A number of any length: the digits that can matter, and an exponent for those left out. */
static double read_long(struct slice raw) {
    char text[DIGITS_MAX + 64] = "0";
    size_t used = 1;
    size_t digits = 0;
    long exponent = 0;
    bool fraction = false;
    size_t i = 0;
    for (; i < raw.count && raw.bytes[i] != 'e' && raw.bytes[i] != 'E'; i++) {
        const char c = raw.bytes[i];
        if (c == '.') {
            fraction = true;
        } else if (c != '-') {
            const bool kept = digits < DIGITS_MAX && (digits > 0 || c != '0');
            if (kept) {
                text[used++] = c;
                digits++;
            }
            const bool counts = digits > 0 || fraction;
            exponent += fraction ? -(kept || digits == 0) : counts && !kept;
        }
    }
    char written[24] = "0"; /* an exponent that is longer than this is beyond any double anyway */
    const struct slice tail = slice_part(raw, i + 1, raw.count);
    (void)snprintf(written, sizeof(written), "%.*s", (int)(tail.count < 20 ? tail.count : 20),
                   tail.count > 0 ? tail.bytes : "0");
    exponent += strtol(written, NULL, 10) % 100000000;
    (void)snprintf(text + used, sizeof(text) - used, "e%ld", exponent);
    const double number = strtod(text, NULL);
    return raw.count > 0 && raw.bytes[0] == '-' ? -number : number;
}

static double read_raw(struct slice raw) {
    char text[DIGITS_MAX];
    double number = 0;
    if (raw.count < sizeof(text)) {
        (void)memcpy(text, raw.bytes, raw.count);
        text[raw.count] = '\0';
        number = strtod(text, NULL);
    } else {
        number = read_long(raw);
    }
    return number > DBL_MAX ? DBL_MAX : number < -DBL_MAX ? -DBL_MAX : number;
}

double value_number(struct value value) {
    switch (value.kind) {
    case VALUE_INTEGER:
        return (double)value.integer;
    case VALUE_REAL:
        return value.real;
    case VALUE_RAW:
        return read_raw(value_text(value));
    default:
        return 0;
    }
}

struct slice value_text(struct value value) {
    if (value.kind != VALUE_TEXT && value.kind != VALUE_RAW) {
        return (struct slice){0};
    }
    return (struct slice){.bytes = value.text, .count = value.count};
}

const struct value *value_get(struct value object, struct slice name) {
    if (object.kind == VALUE_BLOB) {
        return blob_fact(object.blob, name);
    }
    if (object.kind != VALUE_OBJECT) {
        return NULL;
    }
    for (uint32_t i = object.count; i > 0; i--) {
        if (slice_equal(object.members[i - 1].name, name)) {
            return &object.members[i - 1].value;
        }
    }
    return NULL;
}

static int compare_doubles(double a, double b) {
    return a < b ? -1 : a > b;
}

/* Exact, also where a double does not hold the integer. */
static int compare_integer(int64_t integer, double real) {
    if (real >= 0x1p63 || real < -0x1p63) {
        return real > 0 ? -1 : 1;
    }
    const int64_t whole = (int64_t)real;
    if (integer != whole) {
        return integer < whole ? -1 : 1;
    }
    return compare_doubles(0, real - (double)whole);
}

/* The digits of an integer in `value`, signless; empty when it is none. */
static struct slice digits_of(struct value value, char room[INTEGER_BYTES]) {
    struct slice text = value_text(value);
    if (value.kind == VALUE_INTEGER) {
        const int count = snprintf(room, INTEGER_BYTES, "%" PRId64, value.integer);
        text = (struct slice){.bytes = room, .count = count > 0 ? (size_t)count : 0};
    }
    text = slice_starts(text, "-") ? slice_part(text, 1, text.count) : text;
    for (size_t i = 0; i < text.count; i++) {
        if (text.bytes[i] < '0' || text.bytes[i] > '9') {
            return (struct slice){0};
        }
    }
    return text;
}

/* Integers that are the same as doubles may differ as digits; both have one sign then. */
static int compare_digits(struct value a, struct value b, bool negative) {
    char left_room[INTEGER_BYTES];
    char right_room[INTEGER_BYTES];
    const struct slice left = digits_of(a, left_room);
    const struct slice right = digits_of(b, right_room);
    if (left.count == 0 || right.count == 0) {
        return 0;
    }
    int order = left.count < right.count ? -1 : left.count > right.count;
    order = order == 0 ? slice_compare(left, right) : order;
    return negative ? -order : order;
}

static int compare_numbers(struct value a, struct value b) {
    if (a.kind == VALUE_INTEGER && b.kind == VALUE_INTEGER) {
        return a.integer < b.integer ? -1 : a.integer > b.integer;
    }
    if (a.kind == VALUE_INTEGER && b.kind == VALUE_REAL) {
        return compare_integer(a.integer, b.real);
    }
    if (a.kind == VALUE_REAL && b.kind == VALUE_INTEGER) {
        return -compare_integer(b.integer, a.real);
    }
    const double left = value_number(a);
    const int order = compare_doubles(left, value_number(b));
    return order != 0 ? order : compare_digits(a, b, left < 0);
}

static int rank(struct value value) {
    switch (value.kind) {
    case VALUE_NULL:
        return 0;
    case VALUE_BOOLEAN:
        return value.boolean ? 2 : 1;
    case VALUE_INTEGER:
    case VALUE_REAL:
    case VALUE_RAW:
        return 3;
    case VALUE_TEXT:
        return 4;
    case VALUE_LIST:
        return 5;
    case VALUE_OBJECT:
        return 6;
    case VALUE_BLOB:
        return 7;
    }
    return 8;
}

static int compare_lists(struct value a, struct value b) {
    for (uint32_t i = 0; i < a.count && i < b.count; i++) {
        const int order = value_compare(a.items[i], b.items[i]);
        if (order != 0) {
            return order;
        }
    }
    return a.count < b.count ? -1 : a.count > b.count;
}

/* ---- objects: by their sorted names; where a name stands twice, the last counts ------------ */

struct sorted {
    struct value object;
    const struct member **members; /* owned; NULL for a small object, or when the heap is used up */
    uint32_t count;
};

static int compare_members(const void *a, const void *b) {
    const struct member *left = *(const struct member *const *)a;
    const struct member *right = *(const struct member *const *)b;
    const int order = slice_compare(left->name, right->name);
    return order != 0 ? order : left < right ? -1 : left > right;
}

static void sorted_init(struct sorted *sorted, struct value object) {
    *sorted = (struct sorted){.object = object};
    if (object.count > SMALL_COUNT) {
        sorted->members = memory_new(object.count, sizeof(*sorted->members));
    }
    if (sorted->members == NULL) {
        return;
    }
    for (uint32_t i = 0; i < object.count; i++) {
        sorted->members[i] = &object.members[i];
    }
    qsort(sorted->members, object.count, sizeof(*sorted->members), compare_members);
    for (uint32_t i = 0; i < object.count; i++) {
        const bool last = i + 1 == object.count ||
                          !slice_equal(sorted->members[i]->name, sorted->members[i + 1]->name);
        if (last) {
            sorted->members[sorted->count++] = sorted->members[i];
        }
    }
}

static void sorted_done(struct sorted *sorted) {
    memory_free(sorted->members);
}

/* The member after `before` in the order of names (NULL: the first), or NULL. It is number `index`.
 */
static const struct member *sorted_next(const struct sorted *sorted, uint32_t index,
                                        const struct member *before) {
    if (sorted->members != NULL) {
        return index < sorted->count ? sorted->members[index] : NULL;
    }
    const struct member *next = NULL;
    for (uint32_t i = 0; i < sorted->object.count; i++) {
        const struct member *member = &sorted->object.members[i];
        if ((before == NULL || slice_compare(member->name, before->name) > 0) &&
            (next == NULL || slice_compare(member->name, next->name) <= 0)) {
            next = member;
        }
    }
    return next;
}

/* One walk over both: names when `values` is false, then the values of names that are equal. */
static int walk_objects(const struct sorted *a, const struct sorted *b, bool values) {
    const struct member *left = NULL;
    const struct member *right = NULL;
    for (uint32_t i = 0;; i++) {
        left = sorted_next(a, i, left);
        right = sorted_next(b, i, right);
        if (left == NULL || right == NULL) {
            return left != NULL ? 1 : right != NULL ? -1 : 0;
        }
        const int order = values ? value_compare(left->value, right->value)
                                 : slice_compare(left->name, right->name);
        if (order != 0) {
            return order;
        }
    }
}

static int compare_objects(struct value a, struct value b) {
    struct sorted left;
    struct sorted right;
    sorted_init(&left, a);
    sorted_init(&right, b);
    const int names = walk_objects(&left, &right, false);
    const int order = names != 0 ? names : walk_objects(&left, &right, true);
    sorted_done(&left);
    sorted_done(&right);
    return order;
}

/* What lies nowhere yet is the same only when it is the very same; there is an order all the same,
 * so that sorting ends. */
static int compare_blobs(const struct blob *a, const struct blob *b) {
    const struct id left = blob_id(a);
    const struct id right = blob_id(b);
    const int order = memcmp(left.bytes, right.bytes, ID_BYTES);
    if (a == b || (order == 0 && !id_is_zero(left))) {
        return 0;
    }
    return order != 0 ? order : (uintptr_t)a < (uintptr_t)b ? -1 : 1;
}

int value_compare(struct value a, struct value b) {
    if (rank(a) != rank(b)) {
        return rank(a) < rank(b) ? -1 : 1;
    }
    switch (a.kind) {
    case VALUE_INTEGER:
    case VALUE_REAL:
    case VALUE_RAW:
        return compare_numbers(a, b);
    case VALUE_TEXT:
        return slice_compare(value_text(a), value_text(b));
    case VALUE_LIST:
        return compare_lists(a, b);
    case VALUE_OBJECT:
        return compare_objects(a, b);
    case VALUE_BLOB:
        return compare_blobs(a.blob, b.blob);
    default:
        return 0;
    }
}

bool value_equal(struct value a, struct value b) {
    return value_compare(a, b) == 0;
}

bool value_has_blob(struct value value) {
    bool found = value.kind == VALUE_BLOB;
    for (uint32_t i = 0; !found && value.kind == VALUE_LIST && i < value.count; i++) {
        found = value_has_blob(value.items[i]);
    }
    for (uint32_t i = 0; !found && value.kind == VALUE_OBJECT && i < value.count; i++) {
        found = value_has_blob(value.members[i].value);
    }
    return found;
}

uint32_t value_depth(struct value value) {
    uint32_t deepest = 0;
    if (value.kind != VALUE_LIST && value.kind != VALUE_OBJECT) {
        return 0;
    }
    for (uint32_t i = 0; i < value.count; i++) {
        const uint32_t depth =
            value_depth(value.kind == VALUE_LIST ? value.items[i] : value.members[i].value);
        deepest = depth > deepest ? depth : deepest;
    }
    return deepest + 1;
}

struct value value_of_boolean(bool truth) {
    return (struct value){.kind = VALUE_BOOLEAN, .boolean = truth};
}

struct value value_of_integer(int64_t number) {
    return (struct value){.kind = VALUE_INTEGER, .integer = number};
}

struct value value_of_real(double number) {
    if (!isfinite(number)) {
        return (struct value){0};
    }
    return (struct value){.kind = VALUE_REAL, .real = number};
}

struct value value_of_text(struct slice text) {
    assert(text.count <= UINT32_MAX);
    return (struct value){.kind = VALUE_TEXT, .count = (uint32_t)text.count, .text = text.bytes};
}

struct member *value_new_object(struct arena *arena, uint32_t count, struct value *out_object) {
    struct member *members = arena_get(arena, count, sizeof(*members));
    *out_object = (struct value){.kind = VALUE_OBJECT, .count = count, .members = members};
    return members;
}

struct value *value_new_list(struct arena *arena, uint32_t count, struct value *out_list) {
    struct value *items = arena_get(arena, count, sizeof(*items));
    *out_list = (struct value){.kind = VALUE_LIST, .count = count, .items = items};
    return items;
}

static bool copy_members(struct arena *arena, struct value value, struct value *out_copy) {
    struct member *members = value_new_object(arena, value.count, out_copy);
    bool copied = members != NULL;
    for (uint32_t i = 0; copied && i < value.count; i++) {
        members[i].name = arena_copy(arena, value.members[i].name);
        copied = members[i].name.bytes != NULL &&
                 value_copy(arena, value.members[i].value, &members[i].value);
    }
    return copied;
}

bool value_copy(struct arena *arena, struct value value, struct value *out_copy) {
    *out_copy = value;
    if (value.kind == VALUE_TEXT || value.kind == VALUE_RAW) {
        out_copy->text = arena_copy(arena, value_text(value)).bytes;
        return out_copy->text != NULL;
    }
    if (value.kind == VALUE_OBJECT) {
        return copy_members(arena, value, out_copy);
    }
    if (value.kind == VALUE_BLOB) {
        return value_of_blob(arena, value.blob, out_copy);
    }
    if (value.kind != VALUE_LIST) {
        return true;
    }
    struct value *items = value_new_list(arena, value.count, out_copy);
    bool copied = items != NULL;
    for (uint32_t i = 0; copied && i < value.count; i++) {
        copied = value_copy(arena, value.items[i], &items[i]);
    }
    return copied;
}
