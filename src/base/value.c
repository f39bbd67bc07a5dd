// SPDX-License-Identifier: Apache-2.0
#include "base/value.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

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
    }
    return "unknown";
}

bool value_truth(struct value value) {
    return value.kind != VALUE_NULL && (value.kind != VALUE_BOOLEAN || value.boolean);
}

bool value_is_number(struct value value) {
    return value.kind == VALUE_INTEGER || value.kind == VALUE_REAL || value.kind == VALUE_RAW;
}

double value_number(struct value value) {
    switch (value.kind) {
    case VALUE_INTEGER:
        return (double)value.integer;
    case VALUE_REAL:
        return value.real;
    case VALUE_RAW: {
        char text[64];
        const size_t count = value.count < sizeof(text) ? value.count : sizeof(text) - 1;
        (void)memcpy(text, value.text, count);
        text[count] = '\0';
        return strtod(text, NULL);
    }
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

static int compare_numbers(struct value a, struct value b) {
    if (a.kind == VALUE_INTEGER && b.kind == VALUE_INTEGER) {
        return a.integer < b.integer ? -1 : a.integer > b.integer;
    }
    const double left = value_number(a);
    const double right = value_number(b);
    return left < right ? -1 : left > right;
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
    }
    return 7;
}

static int compare_members(const void *a, const void *b) {
    return slice_compare(((const struct member *)a)->name, ((const struct member *)b)->name);
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

/* jq compares the sorted names first, then the values in the order of the names. */
static int compare_objects(struct value a, struct value b) {
    struct arena arena;
    arena_init(&arena, SIZE_MAX / 4);
    struct member *left = arena_get(&arena, a.count + 1U, sizeof(*left));
    struct member *right = arena_get(&arena, b.count + 1U, sizeof(*right));
    int order = 0;
    if (left != NULL && right != NULL) {
        (void)memcpy(left, a.members, a.count * sizeof(*left));
        (void)memcpy(right, b.members, b.count * sizeof(*right));
        qsort(left, a.count, sizeof(*left), compare_members);
        qsort(right, b.count, sizeof(*right), compare_members);
        for (uint32_t i = 0; order == 0 && i < a.count && i < b.count; i++) {
            order = slice_compare(left[i].name, right[i].name);
        }
        if (order == 0) {
            order = a.count < b.count ? -1 : a.count > b.count;
        }
        for (uint32_t i = 0; order == 0 && i < a.count; i++) {
            order = value_compare(left[i].value, right[i].value);
        }
    }
    arena_done(&arena);
    return order;
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
    default:
        return 0;
    }
}

bool value_equal(struct value a, struct value b) {
    if (a.kind != VALUE_OBJECT || b.kind != VALUE_OBJECT) {
        if (a.kind == VALUE_LIST && b.kind == VALUE_LIST) {
            bool equal = a.count == b.count;
            for (uint32_t i = 0; equal && i < a.count; i++) {
                equal = value_equal(a.items[i], b.items[i]);
            }
            return equal;
        }
        return value_compare(a, b) == 0;
    }
    bool equal = a.count == b.count;
    for (uint32_t i = 0; equal && i < a.count; i++) {
        const struct value *other = value_get(b, a.members[i].name);
        equal = other != NULL && value_equal(a.members[i].value, *other);
    }
    return equal;
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
